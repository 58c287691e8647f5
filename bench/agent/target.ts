// A program with its own process name that sends the time of each SIGHUP over IPC (CLOCK_MONOTONIC, nanoseconds).
process.title = process.argv[2] ?? 'bench-target'
process.on('SIGHUP', () => {
  process.send?.(String(process.hrtime.bigint()))
})
process.on('disconnect', () => process.exit())
setInterval(() => undefined, 1 << 30)
process.send?.('ready')
