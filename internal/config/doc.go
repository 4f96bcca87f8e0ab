// Package config holds every setting of a server, with its default, its name on the
// command line, in the environment and in the YAML file, and its bounds. A flag wins
// over the environment, that over the file, and that over the default.
//
// It is not for the settings of orgs and endpoints, which live in the store, nor for
// those of the commands that only talk to a server.
package config
