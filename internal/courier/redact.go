package courier

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

const redacted = "[redacted]"

// leastSecret is the shortest text that is hidden, in bytes. Hiding shorter ones would make messages unreadable
// without protecting anything.
const leastSecret = 4

// redactor hides what must never be repeated: credentials, and what an address says beyond its host.
func redactor(u *url.URL, o Options) *strings.Replacer {
	secrets := append(credentials(o.Authorization), userinfo(u)...)
	if proxy, err := url.Parse(o.Proxy); err == nil {
		secrets = append(secrets, userinfo(proxy)...)
	}
	for _, path := range []string{u.Path, u.EscapedPath()} {
		secrets = append(secrets, path, strings.TrimPrefix(path, "/"))
		secrets = append(secrets, slices.DeleteFunc(strings.Split(path, "/"), wordlike)...)
	}
	secrets = append(secrets, u.RawQuery)
	for _, values := range u.Query() {
		for _, value := range values {
			secrets = append(secrets, value, url.QueryEscape(value), url.PathEscape(value))
		}
	}
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return len(s) < leastSecret })
	// The longest first, so that a secret that contains another is hidden as a whole.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(secrets))
	for _, s := range secrets {
		pairs = append(pairs, s, redacted)
	}
	return strings.NewReplacer(pairs...)
}

// wordlike says that a part of a path is a plain word such as "api" or "hooks": not long, and without the digits and
// capitals that keys are made of.
func wordlike(part string) bool {
	const longestWord = 8
	return len(part) <= longestWord && !strings.ContainsFunc(part, func(r rune) bool { return r < 'a' || r > 'z' })
}

// credentials are the secrets in an Authorization value: the whole, what follows the scheme, and the password of
// basic authentication.
func credentials(authorization string) []string {
	secrets := []string{authorization}
	scheme, rest, ok := strings.Cut(authorization, " ")
	if !ok {
		return secrets
	}
	rest = strings.TrimSpace(rest)
	secrets = append(secrets, rest)
	if strings.EqualFold(scheme, "Basic") {
		if plain, err := base64.StdEncoding.DecodeString(rest); err == nil {
			_, password, _ := strings.Cut(string(plain), ":")
			secrets = append(secrets, string(plain), password)
		}
	}
	return secrets
}

func userinfo(u *url.URL) []string {
	if u.User == nil {
		return nil
	}
	password, ok := u.User.Password()
	if !ok {
		// A lone user name is a token.
		password = u.User.Username()
	}
	plain := u.User.Username() + ":" + password
	_, encoded, _ := strings.Cut(u.User.String(), ":")
	return []string{
		password, encoded, url.QueryEscape(password), u.User.String(), base64.StdEncoding.EncodeToString([]byte(plain)),
	}
}
