"""Where PostgreSQL's client programs are."""
import glob
import shutil


def debian(program):
    """One of PostgreSQL's client programs. Debian's in PATH are Perl scripts that look for them: that would count, too."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{program}"), key=lambda path: int(path.split("/")[4].split(".")[0]))
    return found[-1] if found else shutil.which(program)
