package bed

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// authority signs the cluster's certificates.
type authority struct {
	layout Layout
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

// subject is one that gets a certificate: a component, known to the API server by name and group.
type subject struct {
	file, name, group string
	dns               []string
	ips               []string
}

var subjects = []subject{
	{
		file: "apiserver", name: "kube-apiserver",
		dns: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		ips: []string{"127.0.0.1", nodeIPv4, nodeIPv6, kubernetesIPv4},
	},
	{file: "kubelet", name: "system:node:" + nodeName, group: "system:nodes", dns: []string{nodeName}, ips: []string{nodeIPv4, nodeIPv6}},
	{file: "admin", name: "admin", group: "system:masters"},
	{file: "controllers", name: "system:kube-controller-manager"},
	{file: "scheduler", name: "system:kube-scheduler"},
	{file: "proxy", name: "system:kube-proxy"},
}

// writePKI writes certificates, keys, and a kubeconfig for each subject.
func (l Layout) writePKI() error {
	if err := os.MkdirAll(l.run("pki"), 0o700); err != nil {
		return err
	}
	ca, err := l.newAuthority()
	if err != nil {
		return err
	}
	for _, s := range subjects {
		if err := ca.issue(s); err != nil {
			return fmt.Errorf("certificate of %s: %w", s.name, err)
		}
		if err := l.writeKubeconfig(s.file); err != nil {
			return err
		}
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := l.writePEM("serviceaccounts.pub", "PUBLIC KEY", public); err != nil {
		return err
	}
	return l.writeKey("serviceaccounts.key", key)
}

func (l Layout) newAuthority() (*authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test bed"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if err := l.writePEM("ca.crt", "CERTIFICATE", der); err != nil {
		return nil, err
	}
	// The controller manager signs what CertificateSigningRequests ask for.
	return &authority{l, cert, key}, l.writeKey("ca.key", key)
}

func (a *authority) issue(s subject) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: s.name},
		NotBefore:    a.cert.NotBefore,
		NotAfter:     a.cert.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     s.dns,
	}
	if s.group != "" {
		template.Subject.Organization = []string{s.group}
	}
	for _, ip := range s.ips {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(ip))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	if err := a.layout.writePEM(s.file+".crt", "CERTIFICATE", der); err != nil {
		return err
	}
	return a.layout.writeKey(s.file+".key", key)
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func (l Layout) writeKey(file string, key crypto.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return l.writePEM(file, "PRIVATE KEY", der)
}

func (l Layout) writePEM(file, kind string, der []byte) error {
	return os.WriteFile(l.pki(file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

func (l Layout) pki(file string) string { return l.run("pki", file) }

func (l Layout) writeKubeconfig(user string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: bed
clusters: [{name: bed, cluster: {server: "https://%s:6443", certificate-authority: %s}}]
users: [{name: %s, user: {client-certificate: %s, client-key: %s}}]
contexts: [{name: bed, context: {cluster: bed, user: %s}}]
`, nodeIPv4, l.pki("ca.crt"), user, l.pki(user+".crt"), l.pki(user+".key"), user)
	return os.WriteFile(l.run(user+".kubeconfig"), []byte(text), 0o600)
}
