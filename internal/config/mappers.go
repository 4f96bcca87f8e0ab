package config

import (
	"errors"
	"net/netip"
	"reflect"
	"time"

	"github.com/alecthomas/kong"
)

// Mappers read ranges and durations with errors that say what is wanted. A parser of
// commands that embed Config is made with them.
func Mappers() []kong.Option {
	return []kong.Option{
		mapper(netip.ParsePrefix, "want a range such as 127.0.0.0/8, or 127.0.0.1/32 for one address"),
		mapper(time.ParseDuration, "want a duration of h, m and s, such as 90s or 1h30m; a day is 24h"),
	}
}

func mapper[T any](parse func(string) (T, error), want string) kong.Option {
	return kong.TypeMapper(reflect.TypeFor[T](), kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("value", &text); err != nil {
			return err
		}
		v, err := parse(text)
		if err != nil {
			return errors.New(want)
		}
		target.Set(reflect.ValueOf(v))
		return nil
	}))
}
