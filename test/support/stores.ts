/** In-memory stores with the API server's rules: create once, update only the version that was read. */
import type { BundlePublisher, SecretStore, StoredSecret } from '../../src/tls/stores.ts'

export interface MemoryStore extends SecretStore {
  secrets: Map<string, StoredSecret>
  writes: string[]
}

/** @param pause awaited before each call takes effect, so that a test can interleave two users of the store */
export function memorySecrets(pause: () => Promise<void> = async () => undefined): MemoryStore {
  const secrets = new Map<string, StoredSecret>()
  const writes: string[] = []
  let version = 0
  const put = (name: string, data: Readonly<Record<string, string>>) => {
    version += 1
    writes.push(name)
    secrets.set(name, { data, resourceVersion: String(version) })
    return true
  }
  return {
    secrets,
    writes,
    async read(name) {
      await pause()
      return secrets.get(name)
    },
    async create(name, data) {
      await pause()
      return secrets.has(name) ? false : put(name, data)
    },
    async update(name, data, resourceVersion) {
      await pause()
      const stored = secrets.get(name)
      if (stored?.resourceVersion !== resourceVersion) return false
      return put(name, { ...stored.data, ...data })
    },
  }
}

export function memoryPublisher(): BundlePublisher & { bundle: string; reachable: boolean } {
  return {
    bundle: '',
    reachable: true,
    async published() {
      return this.bundle
    },
    async publish(bundle) {
      if (this.reachable) this.bundle = bundle
      return this.reachable
    },
  }
}
