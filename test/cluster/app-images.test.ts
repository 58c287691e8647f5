import { expect, test } from 'vitest'
import { containerfile } from './app-images.ts'

test('an image with packages starts from Debian, then adds programs and the command', () => {
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

test('an image without packages holds only the program', () => {
  expect(containerfile({ programs: ['reader'], entrypoint: ['/reader'] })).toBe(
    'FROM scratch\nCOPY reader /reader\nENTRYPOINT ["/reader"]\n',
  )
})

test('a program that Debian lacks is copied into an image on Debian', () => {
  const text = containerfile({ packages: ['less'], foreign: 'envoy', cmd: ['envoy'] })
  expect(text.split('\n').slice(2)).toEqual(['COPY envoy /usr/local/bin/envoy', 'CMD ["envoy"]', ''])
})
