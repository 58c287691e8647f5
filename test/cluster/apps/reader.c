/* reader FILE [PORT]: loads its configuration at the start and at SIGHUP, as many programs do, and serves it over HTTP: the content of FILE
 * as body, and in headers its process id and its number of loads. If it can't read FILE, it serves the error's text. It is static, so that
 * it also runs in an image that holds nothing else.
 * reader --check FILE: judges it. A FILE that can't be read or has the word "bad" is refused. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t hup;
static char content[1 << 20];
static ssize_t length;
static int loads;

static void on_hup(int signal) {
  (void)signal;
  hup = 1;
}

static void on_term(int signal) {
  (void)signal;
  _exit(0);
}

static void load(const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  length = file < 0 ? -1 : read(file, content, sizeof content);
  if (length < 0) length = snprintf(content, sizeof content, "%s: %s\n", path, strerror(errno));
  if (file >= 0) close(file);
  loads++;
  printf("loaded %s (%zd bytes, load %d)\n", path, length, loads);
  fflush(stdout);
}

static void answer(int client) {
  char request[4096], head[256];
  if (read(client, request, sizeof request) > 0) {
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 200 OK\r\nContent-Length: %zd\r\nX-Pid: %d\r\nX-Loads: %d\r\nConnection: close\r\n\r\n",
                        length, (int)getpid(), loads);
    if (write(client, head, (size_t)size) == size && write(client, content, (size_t)length) != length) perror("write");
  }
  close(client);
}

static int check(const char *path) {
  FILE *file = fopen(path, "r");
  return !file || fread(content, 1, sizeof content - 1, file) == 0 || strstr(content, "bad") != NULL;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: reader FILE [PORT]\n       reader --check FILE\n");
    return 2;
  }
  if (argc == 3 && strcmp(argv[1], "--check") == 0) return check(argv[2]);
  struct sigaction reload = {.sa_handler = on_hup}, end = {.sa_handler = on_term};
  sigaction(SIGHUP, &reload, NULL);
  sigaction(SIGTERM, &end, NULL);
  signal(SIGPIPE, SIG_IGN);
  load(argv[1]);
  int server = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 2 ? atoi(argv[2]) : 8080))};
  if (bind(server, (struct sockaddr *)&any, sizeof any) || listen(server, 16)) {
    perror("listen");
    return 1;
  }
  for (;;) {
    int client = accept(server, NULL, NULL); /* SIGHUP interrupts it: EINTR */
    if (hup) {
      hup = 0;
      load(argv[1]);
    }
    if (client >= 0) answer(client);
  }
}
