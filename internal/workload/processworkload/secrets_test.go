package processworkload

import "testing"

func TestSecretsAreRedactedAsTheProgramSeesThem(t *testing.T) {
	t.Parallel()
	template := Template{Env: []Variable{
		{Name: "PLAIN", Value: "shown"},
		{Name: "PASSWORD", Value: "pa$$word", Secret: true},
		{Name: "KEY", Value: "first line\nsecond line\n", Secret: true},
	}}
	got := redact("shown pa$word pa$$word second line", template.secrets())
	if want := "shown *** *** ***"; got != want {
		t.Errorf("redacted: %q, want %q", got, want)
	}
}
