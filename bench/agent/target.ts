// A program with a process name of its own that prints when each SIGHUP arrived (CLOCK_MONOTONIC, nanoseconds).
process.title = process.argv[2] ?? 'bench-target'
process.on('SIGHUP', () => {
  process.send?.(String(process.hrtime.bigint()))
})
setInterval(() => undefined, 1 << 30)
process.send?.('ready')
