/* A program that has nothing but what was installed. Without a server it can only fail, but as it should: so far all is linked. */
#include <stdio.h>
#include <walstream.h>

int main(void)
{
    walstream_config *config = walstream_config_new();
    walstream_stream *stream = NULL;
    int32_t code = WALSTREAM_E_ARGUMENT;

    if (walstream_config_set(config, "slot", "s", NULL) == WALSTREAM_OK &&
        walstream_config_set(config, "publication", "p", NULL) == WALSTREAM_OK)
        code = walstream_open("host=/nonexistent port=1", config, &stream, NULL);
    if (code == WALSTREAM_OK) code = walstream_start(stream, 0, NULL);
    printf("C %s %s\n", walstream_version(), walstream_code_name(code));
    walstream_free(stream);
    walstream_config_free(config);
    return walstream_abi_version() != WALSTREAM_VERSION_MAJOR;
}
