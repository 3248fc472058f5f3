// Package manifest reads the directory of standalone mode: ordinary manifests, strictly. It says everything that is
// wrong with them at once, with file, line and field, so that a daemon can keep what runs and a person knows what to
// write; makes of Deployments what is run; compares a directory with what a daemon has; and watches it for changes.
//
// A directory holds files that end in .yaml, .yml or .json, in directories below it too. Names that begin with a dot
// are left out. A link to a file is followed wherever it leads, so that files can be mounted from elsewhere; a link to
// a directory is not.
//
// Of a Deployment there is one container, and its command is run: relative to the directory, unless workingDir says
// another one. Fields that only a cluster can serve are ignored, each with a warning. No message holds a value of a
// Secret.
package manifest
