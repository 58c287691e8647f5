/** The key that makes checksums of Secrets useless to whoever reads them. The interface only; made in src/kube/install-key.ts. */
export interface InstallKey {
  /** 8 hexadecimal digits that stand before each hash, so that hashes of different keys are never compared. */
  id: string
  /** 32 random bytes for HMAC-SHA-256. */
  key: Uint8Array
}
