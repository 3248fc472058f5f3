package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/spelling"
)

const (
	defaultNamespace = "default"
	// glance bounds the question for names that a shell completes: nobody waits longer for a key.
	glance = time.Second
)

// key reads NAME or NAMESPACE/NAME.
func (s *session) key(arg string) (engine.Key, error) {
	namespace, name, qualified := strings.Cut(arg, "/")
	if !qualified {
		namespace, name = s.namespace, arg
	}
	if name == "" || namespace == "" || strings.Contains(name, "/") {
		return engine.Key{}, usagef("%q is no canary: write NAME or NAMESPACE/NAME", arg)
	}
	if qualified && s.scoped && namespace != s.namespace {
		return engine.Key{}, usagef("%s is not in namespace %s: leave out one of the two", arg, s.namespace)
	}
	return engine.Key{Namespace: namespace, Name: name}, nil
}

// call is how a user names a canary to this session again.
func (s *session) call(key engine.Key) string {
	if key.Namespace == s.namespace {
		return key.Name
	}
	return key.String()
}

func keyOf(c *httpapi.Canary) engine.Key { return engine.Key{Namespace: c.Namespace, Name: c.Name} }

// canary reads one canary; for one that does not exist the error names the one that was probably meant.
func (s *session) canary(ctx context.Context, key engine.Key) (httpapi.Detail, error) {
	d, err := s.client.Canary(ctx, key)
	if fault.KindOf(err) == fault.NotFound {
		return d, s.unknown(ctx, key)
	}
	return d, err
}

// missing replaces a NotFound error about something of a canary, if it is the canary itself that does not exist.
func (s *session) missing(ctx context.Context, key engine.Key, err error) error {
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	if _, missing := s.canary(ctx, key); missing != nil {
		return missing
	}
	return err
}

// unknown is the error for a canary that does not exist.
func (s *session) unknown(ctx context.Context, key engine.Key) error {
	all, err := s.client.Canaries(ctx, "")
	if err != nil {
		return exitf(NotFound, "there is no canary %s", key)
	}
	if len(all) == 0 {
		return exitf(NotFound, "there is no canary %s: the daemon at %s works on none", key, s.client.Address())
	}
	names := make([]string, 0, len(all))
	for i := range all {
		if all[i].Name == key.Name {
			return exitf(NotFound, "there is no canary %s: did you mean %s?", key, s.call(keyOf(&all[i])))
		}
		if all[i].Namespace == key.Namespace {
			names = append(names, all[i].Name)
		}
	}
	if near := spelling.Nearest(key.Name, names); near != "" {
		return exitf(NotFound, "there is no canary %s: did you mean %s?", key, s.call(engine.Key{Namespace: key.Namespace, Name: near}))
	}
	return exitf(NotFound, "there is no canary %s: \"serin list\" shows those that there are", key)
}

// completeNames lets a shell complete the NAME of a command; what fails completes nothing.
func (a *app) completeNames(c *connection, more func(ctx context.Context, s *session, args []string) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		s, err := a.connect(*c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer s.client.Close()
		ctx, cancel := context.WithTimeout(cmd.Context(), glance)
		defer cancel()
		if len(args) > 0 {
			if more == nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return more(ctx, s, args), cobra.ShellCompDirectiveNoFileComp
		}
		return s.names(ctx), cobra.ShellCompDirectiveNoFileComp
	}
}

func (s *session) names(ctx context.Context) []string {
	namespace := ""
	if s.scoped {
		namespace = s.namespace
	}
	all, err := s.client.Canaries(ctx, namespace)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(all))
	for i := range all {
		names = append(names, s.call(keyOf(&all[i]))+"\t"+phaseOf(&all[i]))
	}
	return names
}

// runs completes the name of a run.
func runs(ctx context.Context, s *session, args []string) []string {
	key, err := s.key(args[0])
	if err != nil || len(args) > 1 {
		return nil
	}
	all, err := s.client.Runs(ctx, key)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(all))
	for i := range all {
		names = append(names, all[i].Name+"\t"+outcomeOf(&all[i]))
	}
	return names
}
