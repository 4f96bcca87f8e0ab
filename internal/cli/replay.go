package cli

import (
	"context"
	"strconv"

	"github.com/peal-dev/peal/client"
)

type replayCmd struct {
	Endpoint string `placeholder:"ID" help:"Only to this endpoint."`
	Event    string `placeholder:"ID" help:"Only of this event."`
	Status   string `placeholder:"STATUS" help:"Only what ended so: succeeded, dead, dropped, suppressed or cancelled; without it, all but the last two, succeeded ones included."`
	Type     string `placeholder:"TYPE" help:"Only events of this type."`
	Since    moment `placeholder:"TIME" help:"Only made at or after: RFC 3339, or how long ago (90m)."`
	Until    moment `placeholder:"TIME" help:"Only made before."`
	All      bool   `help:"Replay everything there is, without a filter."`
	remote
}

// Help gives an example.
func (replayCmd) Help() string {
	return `Deliveries keep their ids, so that receivers can drop what they know. Only finished deliveries are replayed. Without --status that is every one that succeeded, is dead or was dropped; suppressed and cancelled ones are taken only where --status names them. At least one filter is needed, or --all: --since 1h alone sends again all that was delivered in the last hour.

    peal replay --endpoint ep_01h455vb4pex5vsknk084sn02q --status dead --since 24h`
}

func (c *replayCmd) Run(ctx context.Context, s Streams) error {
	f := client.ReplayFilter{Endpoint: c.Endpoint, Event: c.Event, Status: c.Status, Type: c.Type, Since: c.Since.time(), Until: c.Until.time()}
	if f == (client.ReplayFilter{}) && !c.All {
		return usage("say what to replay, or --all")
	}
	r, err := c.client().StartReplay(ctx, f)
	if err != nil {
		return err
	}
	return show(s.Out, c.format, r, field{"replay", r.ID}, field{"found so far", strconv.Itoa(r.Deliveries)})
}
