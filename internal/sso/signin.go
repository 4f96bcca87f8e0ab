package sso

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/peal-dev/peal/internal/peal"
)

// Attempt is what one browser must bring back to end the sign-in that it began.
type Attempt struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// NewAttempt makes an Attempt that nobody can guess.
func NewAttempt() Attempt {
	return Attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
}

// Began tells whether a state is the attempt's.
func (a Attempt) Began(state string) bool {
	return a.State != "" && subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) == 1
}

// Begin gives the provider's address to send a browser to. With choose, the provider asks
// which account it shall be also where it knows one already.
func (p *Provider) Begin(ctx context.Context, a Attempt, choose bool) (string, error) {
	e, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if choose {
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	return e.oauth.AuthCodeURL(a.State, options...), nil
}

// ErrUnverified says that the provider knows the person, but not that the mail address is
// theirs.
var ErrUnverified = errors.New("the provider does not say that the mail address is verified")

// ErrNoEmail says that the provider names no mail address.
var ErrNoEmail = errors.New("the provider names no mail address")

// Finish redeems the code that the browser brought, and gives the person's mail address.
func (p *Provider) Finish(ctx context.Context, a Attempt, code string) (email string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*exchangeTime)
	defer cancel()
	ctx = p.client(ctx)
	e, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	token, err := e.oauth.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return "", fmt.Errorf("the code was not redeemed: %w", brief(err))
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := e.verifier.Verify(ctx, raw)
	if err != nil {
		return "", fmt.Errorf("the id token is not valid: %w", brief(err))
	}
	if a.Nonce == "" || subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1 {
		return "", errors.New("the id token is not valid: its nonce is another sign-in's")
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return "", fmt.Errorf("the id token is not valid: %w", brief(err))
	}
	if c.AuthorizedParty != "" && c.AuthorizedParty != p.ClientID || c.AuthorizedParty == "" && len(id.Audience) > 1 {
		return "", errors.New("the id token is not valid: it was issued for another client")
	}
	// Providers that issue an access token may give the claims of the scope email there alone.
	if c.Email == "" && e.provider.UserInfoEndpoint() != "" {
		if c, err = p.userInfo(ctx, e, token, id.Subject); err != nil {
			return "", err
		}
	}
	return p.email(c)
}

func (p *Provider) userInfo(ctx context.Context, e *endpoints, token *oauth2.Token, subject string) (c claims, err error) {
	info, err := e.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err == nil && info.Subject != subject {
		err = errors.New("it is about somebody else than the id token")
	}
	if err == nil {
		err = info.Claims(&c)
	}
	if err != nil {
		return c, fmt.Errorf("the userinfo is not valid: %w", brief(err))
	}
	return c, nil
}

// email is the address by which Peal may know the person.
func (p *Provider) email(c claims) (string, error) {
	email := strings.TrimSpace(c.Email)
	switch {
	case email == "":
		return "", ErrNoEmail
	case c.Verified == nil && !p.TrustEmails, c.Verified != nil && !bool(*c.Verified):
		return "", ErrUnverified
	}
	return email, nil
}

// claims are what an id token or the userinfo says of a person.
type claims struct {
	AuthorizedParty string `json:"azp"`
	Email           string `json:"email"`
	Verified        *truth `json:"email_verified"`
}

// truth is a boolean, which some providers spell as a string.
type truth bool

func (t *truth) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", `"true"`:
		*t = true
	case "false", `"false"`:
		*t = false
	default:
		return errors.New("email_verified is neither true nor false")
	}
	return nil
}

// briefLen is how much of an error is kept: libraries quote whole answers.
const briefLen = 300

// brief shortens an error, and of a refused exchange keeps what the provider calls it, since
// the rest of the answer may hold tokens.
func brief(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		status := 0
		if refused.Response != nil {
			status = refused.Response.StatusCode
		}
		return fmt.Errorf("the provider answered %d %s %s", status,
			peal.Clip(refused.ErrorCode, briefLen), peal.Clip(refused.ErrorDescription, briefLen))
	}
	if text := err.Error(); len(text) > briefLen {
		return errors.New(peal.Clip(text, briefLen))
	}
	return err
}
