/** Where certificates are kept and published, as this directory sees it. src/kube answers from the API server, a test from memory. */

export interface StoredSecret {
  /** Decoded. */
  data: Readonly<Record<string, string>>
  resourceVersion: string
}

/** Secrets in our own namespace. All calls reject when the API server can't be reached or says no. */
export interface SecretStore {
  read(name: string): Promise<StoredSecret | undefined>
  /** False: somebody else was first. */
  create(name: string, data: Record<string, string>): Promise<boolean>
  /** Writes the keys given, leaves the others. False: it is no longer what was read. */
  update(name: string, data: Record<string, string>, resourceVersion: string): Promise<boolean>
}

/** The one MutatingWebhookConfiguration that points to us. */
export interface BundlePublisher {
  /**
   * Sees to it that every entry carries this caBundle.
   * @param bundle PEM
   * @returns false where the configuration is absent, or changed meanwhile: try again later
   */
  publish(bundle: string): Promise<boolean>
}
