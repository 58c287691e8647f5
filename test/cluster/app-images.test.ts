import { expect, test } from 'vitest'
import { containerfile } from './app-images.ts'

test('packages go on Debian, programs and command after them', () => {
  const text = containerfile({
    packages: ['gosu', 'less'],
    programs: ['reader'],
    entrypoint: ['gosu'],
    cmd: ['a b'],
  })
  expect(text.split('\n')).toEqual([
    'FROM docker.io/library/debian:bookworm-slim',
    expect.stringMatching(/^RUN apt-get update && .* gosu less$/),
    'COPY reader /reader',
    'ENTRYPOINT ["gosu"]',
    'CMD ["a b"]',
    '',
  ])
})

test('without packages there is nothing but the program', () => {
  expect(containerfile({ programs: ['reader'], entrypoint: ['/reader'] })).toBe(
    'FROM scratch\nCOPY reader /reader\nENTRYPOINT ["/reader"]\n',
  )
})
