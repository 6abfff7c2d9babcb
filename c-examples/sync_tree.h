/* A file that is on disk is lost all the same with a directory that is not. */
#ifndef SYNC_TREE_H
#define SYNC_TREE_H

/* Makes this directory durable, and all in it, and its entry in the directory above. Files are left to who wrote them. */
void sync_tree(const char *dir);

#endif
