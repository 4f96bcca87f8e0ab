// Package sso asks an OpenID Connect provider who somebody is: by the authorization code
// flow with PKCE, and an id token that is verified for issuer, audience, time and nonce.
//
// What the person may do then is not its business, nor is remembering who is signed in.
package sso
