// cert-manager's own CRDs, that certs/ is checked against: `go mod download github.com/cert-manager/cert-manager`, directory deploy/crds.
// Nothing is compiled and nothing imports it, so `go mod tidy` would empty this file.
module hotreload.dev/test/cert-manager

go 1.26.0

require github.com/cert-manager/cert-manager v1.21.2
