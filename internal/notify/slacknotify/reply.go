package slacknotify

import (
	"encoding/json"
	"strings"

	"github.com/serin-dev/serin/internal/fault"
)

// verdict reads the answer of a method of Slack's API, which has status 200 for refusals, too. Whatever is no such
// answer says nothing: the status was good.
func verdict(place string, reply []byte) error {
	var answer struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	err := json.Unmarshal(reply, &answer)
	if said := err == nil && answer.OK != nil; !said || *answer.OK {
		return nil
	}
	return fault.Errorf(kindOf(answer.Error), "%s refused the message: %s", place, word(answer.Error))
}

// kindOf sorts the words that are documented for all methods and for chat.postMessage.
func kindOf(refusal string) fault.Kind {
	switch refusal {
	case "ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "request_timeout",
		"service_unavailable", "team_added_to_org":
		return fault.Unavailable
	case "not_authed", "invalid_auth", "access_denied", "account_inactive", "token_expired", "token_revoked",
		"no_permission", "missing_scope", "not_in_channel", "org_login_required", "ekm_access_denied",
		"restricted_action", "not_allowed_token_type":
		return fault.Denied
	default:
		return fault.Invalid
	}
}

// word keeps what is a word of Slack's and nothing else that somebody may have put there.
func word(refusal string) string {
	const longestWord = 64
	foreign := func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }
	if refusal == "" || len(refusal) > longestWord || strings.ContainsFunc(refusal, foreign) {
		return "it gave no reason"
	}
	return refusal
}
