package cli

import (
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
)

// advice says who must do what. name is how the user names the canary.
func advice(c *httpapi.Canary, name string) []string {
	switch {
	case c.Problem != "":
		return []string{"The author of the manifests corrects them; \"serin lint DIR\" says where. What runs is left as it is until then."}
	case c.Brake != nil || c.Paused != nil || c.Suspended:
		return held(c, name)
	case c.Wait != nil:
		return waiting(c, name)
	default:
		return resting(c, name)
	}
}

// held says who lets a canary go on.
func held(c *httpapi.Canary, name string) []string {
	var lines []string
	switch {
	case c.Brake != nil:
		lines = append(lines, "Whoever paused all canaries, or somebody in their place, lets them go on: serin resume --all")
	case c.Paused != nil:
		lines = append(lines, "Whoever paused it, or somebody in their place, lets it go on: serin resume "+name)
	default:
		lines = append(lines, "The author of the Canary removes suspend: true from it.")
	}
	if busy(c) {
		lines = append(lines, "Until then nothing is raised and nothing promoted; checks go on, and a failing version is still taken back.", toStop(name))
	}
	return lines
}

func toStop(name string) string { return "To take the release back now: serin abort " + name }

// nobody begins the advice for waits that end by themselves.
const nobody = "Nobody: "

// waiting says who ends the wait, by its reason.
func waiting(c *httpapi.Canary, name string) []string {
	if lines := waitingForPeople(c, name); lines != nil {
		return lines
	}
	switch c.Wait.Reason {
	case analysing, "Checking":
		return []string{
			nobody + "Serin goes on by itself when the checks of this step have passed, and takes the release back when too many fail.",
			"To go on without waiting for this step: serin skip " + name,
			"To promote without the rest of the analysis: serin promote " + name,
			toStop(name),
		}
	case "Routing", "TrafficUnreadable":
		return progress(c, name, nobody+"the data plane takes the weights by itself.")
	case "Draining", "ScalingDown", "Returning", "Restoring", "Releasing", "Pinning", "Creating":
		return []string{nobody + "this ends by itself."}
	default:
		return progress(c, name, nobody+"Serin tries again by itself.")
	}
}

// progress adds what happens at the deadline of a run.
func progress(c *httpapi.Canary, name, first string) []string {
	lines := []string{first}
	if busy(c) && c.Run.Outcome == "" {
		if !c.Wait.Until.IsZero() {
			lines = append(lines, "At the deadline the release is taken back by itself.")
		}
		lines = append(lines, toStop(name))
	}
	return lines
}

// waitingForPeople says who has to act where a wait does not end by itself, or nothing.
func waitingForPeople(c *httpapi.Canary, name string) []string {
	switch c.Wait.Reason {
	case "Gate":
		return []string{
			"Whoever runs the hook that the wait names opens it; Serin asks it again by itself.",
			"To pass it in the hook's place: serin skip " + name,
			toStop(name),
		}
	case "Preparing":
		return progress(c, name, "Whoever runs the hook sees to it that it agrees; Serin asks it again by itself.")
	case "CanaryNotReady":
		return progress(c, name, "The author of the target finds out why its pods do not get ready: serin logs "+name+" --side canary")
	case "PrimaryNotReady", "PrimaryStalled", "PrimaryDown":
		return progress(c, name, "The operator finds out why the primary's pods do not get ready: serin logs "+name+" --side primary")
	case "Rejected":
		return progress(c, name, "The author of the Canary changes what the data plane refuses.")
	case "NoData":
		return progress(c, name, "Somebody sees to it that requests reach the canary and are measured: without requests there is nothing to judge.")
	case "Unavailable":
		return progress(c, name, "The operator of the metrics sees to it that they answer.")
	default:
		return stuck(c.Wait.Reason)
	}
}

// stuck says who has to act where nothing can be done to a run, or nothing.
func stuck(reason string) []string {
	switch reason {
	case "PrimaryMissing":
		return []string{"Whoever removed the primary puts it back, or a new revision of the target makes it again."}
	case "TargetMissing":
		return []string{"The author of the manifests adds the Deployment that spec.targetRef names, or corrects the name."}
	case "InvalidSpec":
		return []string{"The author of the Canary corrects it; \"serin lint DIR\" says where."}
	case "Blocked":
		return []string{"Whoever owns the other canary of this target gives it up: a target has one canary."}
	case "UnknownPhase":
		return []string{"The operator starts the version of Serin again that saved this state, or a newer one."}
	default:
		return nil
	}
}

// resting says what begins the next run.
func resting(c *httpapi.Canary, name string) []string {
	switch c.Phase {
	case rollout.Failed:
		return []string{
			"The author of the target makes a new revision: the one that failed is not tried again by itself.",
			"To try the same revision once more: serin retry " + name,
			"What the run saw: serin history " + name + " latest",
		}
	case rollout.Initialized, rollout.Succeeded:
		return []string{nobody + "the next run begins by itself when the target changes."}
	case rollout.Initializing, rollout.Waiting, rollout.Progressing, rollout.WaitingPromotion, rollout.Promoting,
		rollout.Finalising, rollout.Terminating, rollout.Terminated:
		return []string{nobody + "Serin goes on by itself."}
	default:
		return []string{nobody + "Serin goes on by itself."}
	}
}
