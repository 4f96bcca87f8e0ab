// Package idptest gives tests an OpenID Connect provider that is not Peal's own work: the
// certified one of zitadel/oidc, with its page to sign in.
//
// It is not for a provider that lies, which the tests of package sso play.
package idptest
