/** What all our SBOMs have in common: SPDX 2.3, and the same text for the same content. */
import { createHash } from 'node:crypto'

export interface Package {
  name: string
  version: string
  /** An SPDX expression. */
  licence: string
  /** https://github.com/package-url/purl-spec */
  purl: string
  checksum?: { algorithm: 'SHA256' | 'SHA512'; checksumValue: string }
}

/** @param epoch seconds since 1970 */
export function spdxDocument(name: string, packages: readonly Package[], epoch: number): object {
  const identified = packages
    .toSorted((a, b) => (a.purl < b.purl ? -1 : 1))
    .map(({ licence, purl, checksum, name, version }, index) => ({
      SPDXID: `SPDXRef-Package-${index}`,
      name,
      versionInfo: version,
      downloadLocation: 'NOASSERTION',
      filesAnalyzed: false,
      licenseConcluded: 'NOASSERTION',
      licenseDeclared: licence,
      copyrightText: 'NOASSERTION',
      externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
      ...(checksum ? { checksums: [checksum] } : {}),
    }))
  const content = createHash('sha256')
    .update(JSON.stringify([name, identified, epoch]))
    .digest('hex')
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `https://github.com/hotreload/hotreload/spdx/${name}-${content}`,
    creationInfo: {
      created: new Date(epoch * 1000).toISOString().replace('.000', ''),
      creators: ['Tool: hotreload-release'],
    },
    packages: identified,
    relationships: identified.map(({ SPDXID }) => ({
      spdxElementId: 'SPDXRef-DOCUMENT',
      relationshipType: 'DESCRIBES',
      relatedSpdxElement: SPDXID,
    })),
  }
}
