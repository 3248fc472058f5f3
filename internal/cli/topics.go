package cli

import "github.com/spf13/cobra"

const helpExitCodes = `Scripts can rely on the exit codes of serin:

  0  done: what was asked for happened
  1  an error that has no code of its own; the message says which
  2  the command line makes no sense
  3  taken back by Serin: a metric, a hook or a deadline decided against the release
  4  taken back by a person (abort) or by a rollback hook
  5  the time was over before it happened (wait, down, commands)
  6  there is no canary, run or log of that name
  7  the daemon understood the command and refused it; the message says why
  8  no daemon answers; the message says what to start

In a pipeline:

  serin wait web --for=promoted --timeout=30m || case $? in
    3) echo "the release was taken back"; serin history web latest ;;
    5) serin explain web ;;
  esac`

const helpAddresses = `Requests reach a service S (the name of the Canary's service, or of its target) in two ways:

  by host name   The listener of "serin up --listen" is shared by all services and tells them apart by the Host header: S,
                 S.NAMESPACE, and the hosts that the Canary lists in spec.service.hosts.

                   curl -H "Host: web" http://127.0.0.1:8080/

  by port        Each service also has ports of its own on the loopback interface that stay the same over restarts:
                 one for S, which shifts its requests between both versions, one for S-primary and one for S-canary,
                 which reach one version only. "serin get" shows the address of S and, in parentheses, the ports of
                 the other two; "serin status NAME" shows them all.

Users belong on S. S-primary and S-canary are for tests and for people who want to see one version.

A container with several ports gets $PORT for the first one and $PORT_NAME for each that has a name.`

const helpManifests = `"serin up DIR" reads all .yaml, .yml and .json files in DIR. They are the manifests that a cluster takes, too:

  Deployment      apps/v1. Each replica is a process: command and args of its container, with env and envFrom, in $PORT
                  the port to listen on. A readinessProbe says when it may get requests. The image is ignored.
  ConfigMap,      v1. Used by env, envFrom. A change is a new revision of the Deployments that refer to it.
  Secret
  Canary          flagger.app/v1beta1. Refers to a Deployment and says how its new revisions are judged.
  MetricTemplate  flagger.app/v1beta1. A query for a metric that the Canary names.
  AlertProvider   flagger.app/v1beta1. Where alerts go.

A Canary that sends 5, 20 and 50 % of the requests to a new version, and takes it back when less than 99 % of them succeed
in two checks:

  apiVersion: flagger.app/v1beta1
  kind: Canary
  metadata:
    name: web
  spec:
    targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
    service: {port: 80, targetPort: http}
    analysis:
      interval: 30s
      threshold: 2
      stepWeights: [5, 20, 50]
      metrics:
        - name: request-success-rate
          interval: 30s
          thresholdRange: {min: 99}

"serin lint DIR" says what is wrong with a directory, "serin diff DIR" what would change and which steps would follow.`

const helpSystemd = `A unit for "serin up" under systemd. Serin tells it when it is ready and when it ends, and on a restart after a crash it
adopts the processes that still run, which is why only the daemon itself gets the signal:

  [Unit]
  Description=Serin
  After=network.target

  [Service]
  Type=notify
  ExecStart=/usr/local/bin/serin up /etc/serin/manifests --data-dir /var/lib/serin
  KillMode=process
  TimeoutStopSec=120
  Restart=on-failure
  StateDirectory=serin
  User=serin

  [Install]
  WantedBy=multi-user.target

The other commands find the daemon with --dir /var/lib/serin, or with --server and a token.`

// topics are the pages of help that belong to no command.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What the exit codes mean", Long: helpExitCodes},
		{Use: "addresses", Short: "How requests reach a service", Long: helpAddresses},
		{Use: "systemd", Short: "How to run it as a service", Long: helpSystemd},
		{Use: "manifests", Short: "What a directory of manifests holds", Long: helpManifests},
	}
}
