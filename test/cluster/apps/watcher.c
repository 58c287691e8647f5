/* watcher PATH...: watches files and directories as programs do that reload by themselves, and prints each event, one a line: the path, what
 * happened, and the name of a directory's entry. It watches a path again once the file or directory behind it is deleted. Reads are no
 * events. */
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

static const struct {
  uint32_t bit;
  const char *name;
} kinds[] = {
    {IN_CREATE, "create"},         {IN_DELETE, "delete"},         {IN_MOVED_FROM, "moved-from"},   {IN_MOVED_TO, "moved-to"},
    {IN_ATTRIB, "attrib"},         {IN_MODIFY, "modify"},         {IN_CLOSE_WRITE, "close-write"}, {IN_MOVE_SELF, "move-self"},
    {IN_DELETE_SELF, "delete-self"},
};
#define KINDS (sizeof kinds / sizeof *kinds)

int main(int argc, char **argv) {
  int inotify = inotify_init(), watches[argc];
  uint32_t mask = 0;
  for (size_t kind = 0; kind < KINDS; kind++) mask |= kinds[kind].bit;
  for (int at = 1; at < argc; at++) watches[at] = inotify_add_watch(inotify, argv[at], mask);
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("watching");
  char buffer[64 * (sizeof(struct inotify_event) + NAME_MAX + 1)] __attribute__((aligned(8)));
  for (ssize_t size; (size = read(inotify, buffer, sizeof buffer)) > 0;) {
    for (char *next = buffer; next < buffer + size;) {
      struct inotify_event *event = (struct inotify_event *)next;
      next += sizeof *event + event->len;
      for (int at = 1; at < argc; at++) {
        if (watches[at] != event->wd) continue;
        for (size_t kind = 0; kind < KINDS; kind++)
          if (event->mask & kinds[kind].bit) printf("%s %s %s\n", argv[at], kinds[kind].name, event->len ? event->name : "");
        if (event->mask & IN_IGNORED) watches[at] = inotify_add_watch(inotify, argv[at], mask);
      }
    }
  }
  return 1;
}
