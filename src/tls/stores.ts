/** Where certificates are stored and published. src/kube implements these interfaces by the API server, a test in memory. */

export interface StoredSecret {
  /** Decoded. */
  data: Readonly<Record<string, string>>
  resourceVersion: string
}

/** Secrets in our own namespace. All calls reject where the API server can't be reached or refuses. */
export interface SecretStore {
  read(name: string): Promise<StoredSecret | undefined>
  /** @returns false where the Secret exists already */
  create(name: string, data: Record<string, string>): Promise<boolean>
  /** Writes these keys and leaves the others. @returns false where the Secret has changed since it was read */
  update(name: string, data: Record<string, string>, resourceVersion: string): Promise<boolean>
}

/** The one MutatingWebhookConfiguration that points to us. */
export interface BundlePublisher {
  /** The caBundle of the configuration, in PEM; empty without one. */
  published(): Promise<string>
  /**
   * Writes this caBundle into every webhook of the configuration.
   * @param bundle PEM
   * @returns false where the configuration is absent or changed meanwhile: try again later
   */
  publish(bundle: string): Promise<boolean>
}
