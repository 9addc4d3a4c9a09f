package app

import (
	"context"
	"errors"
	"os"
	"reflect"
	"time"

	"concord"
	"concord/connectors"
	"concord/internal/config"
	"concord/smart"
)

// tokens verify callers.
type tokens struct {
	verifier *smart.Verifier
	stamp    stamp // of the files that it was made of
}

// warmFor bounds how long a reload waits for the issuers' keys.
const warmFor = 5 * time.Second

// errKeys is the cause of a reload that is refused for an issuer's sake.
var errKeys = errors.New("the keys of an issuer can't be had")

// tokens makes a verifier of the configured issuers. One that takes over from another has its keys before it begins, so that
// a reload takes away no caller's access: when they can't be had the one before goes on, if it is of the same configuration
// and files, and otherwise this is an error.
func (a *App) tokens(cfg *config.Config, before *generation) (tokens, error) {
	var files []string
	for _, i := range cfg.Auth.Issuers {
		files = append(files, i.JWKSFile, i.Introspection.KeyFile)
	}
	t := tokens{stamp: stampOf(files...)}
	var err error
	if t.verifier, err = newVerifier(cfg.Auth); err != nil || before == nil {
		return t, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), warmFor)
	defer cancel()
	if t.verifier.Warm(ctx) == nil {
		return t, nil
	}
	t.verifier.Close()
	if reflect.DeepEqual(cfg.Auth, before.cfg.Auth) && t.stamp == before.tokens.stamp {
		a.log.Warn("an issuer's keys can't be had anew: those that are known still hold")
		return before.tokens, nil
	}
	return tokens{}, &concord.Fault{Op: "configure tokens", Kind: concord.Unavailable, Err: errKeys}
}

// newVerifier verifies the tokens of the configured issuers.
func newVerifier(auth config.Auth) (*smart.Verifier, error) {
	c := smart.Config{Audience: auth.Audience, MaxLifetime: auth.MaxTokenLifetime}
	for _, i := range auth.Issuers {
		asked, err := introspection(i.Introspection)
		if err != nil {
			return nil, err
		}
		c.Issuers = append(c.Issuers, smart.Issuer{Name: i.Issuer, JWKSURL: i.JWKSURL, JWKSFile: i.JWKSFile, Introspection: asked, Algorithms: i.Algorithms, Tenants: i.Tenants,
			Claims: smart.Claims{Tenant: i.Claims.Tenant, Role: i.Claims.Role, Patient: i.Claims.Patient, Scope: i.Claims.Scope}})
	}
	return smart.NewVerifier(c)
}

// introspection is how an issuer is asked about opaque tokens; nil for not at all.
func introspection(c config.Introspection) (*smart.Introspection, error) {
	if c.URL == "" {
		return nil, nil //nolint:nilnil // it issues none
	}
	i := &smart.Introspection{URL: c.URL, ClientID: c.ClientID, SecretFile: c.SecretFile, KeyID: c.KeyID, Audience: c.Audience, Prefix: c.Prefix, Keep: c.Keep,
		AudienceOptional: c.AudienceOptional}
	if c.KeyFile == "" {
		return i, nil
	}
	text, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return nil, err
	}
	key, kid, err := connectors.ParsePrivateKey(text)
	if err != nil {
		return nil, err
	}
	if i.Key = key; i.KeyID == "" {
		i.KeyID = kid
	}
	return i, nil
}

// authServer is what the SMART configuration can say of the first issuer.
func authServer(cfg *config.Config) smart.AuthServer {
	i := cfg.Auth.Issuers[0]
	return smart.AuthServer{Issuer: i.Issuer, JWKSURL: i.JWKSURL, AuthorizationEndpoint: cfg.Portal.AuthorizeURL, TokenEndpoint: cfg.Portal.TokenURL,
		IntrospectionEndpoint: i.Introspection.URL}
}
