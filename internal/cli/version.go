package cli

import (
	"fmt"
	"runtime"
)

type versionCmd struct {
	format
}

func (c *versionCmd) Run(s Streams, v Version) error {
	if c.json() {
		return writeJSON(s.Out, map[string]string{
			"version": string(v), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		})
	}
	_, err := fmt.Fprintf(s.Out, "peal %s (%s, %s/%s)\n", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
