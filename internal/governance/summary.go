package governance

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Summary asks what an org used.
type Summary struct {
	By []string
	// Period divides the time: hour, day or month, or empty for the whole.
	Period       string
	Since, Until time.Time
}

// maxSums bounds an answer.
const maxSums = 5000

// Summarize sums an org's usage up, by the org's calendar. Since and Until are moved to the
// hours that they are in, and default to the billing month that is under way.
func (e *Engine) Summarize(ctx context.Context, org string, s Summary) ([]UsageSum, error) {
	p := e.plan(org)
	begin := map[string]func(time.Time) time.Time{
		"": nil, "hour": p.Calendar.Hour, "day": p.Calendar.Day, "month": p.Calendar.Month,
	}
	start, ok := begin[s.Period]
	if !ok {
		return nil, peal.Invalid("period", "period is hour, day or month")
	}
	for i, d := range s.By {
		if !slices.Contains(Dimensions, d) || slices.Contains(s.By[:i], d) {
			return nil, peal.Invalid("by", "by names some of %s, each once", strings.Join(Dimensions, ", "))
		}
	}
	if s.Until.IsZero() {
		s.Until = e.Now()
	}
	if s.Since.IsZero() {
		s.Since = p.Calendar.Month(s.Until)
	}
	if !s.Since.Before(s.Until) {
		return nil, peal.Invalid("until", "until is after since")
	}
	type place struct {
		start int64
		by    string
	}
	sums := map[place]*UsageSum{}
	err := e.Reader.Usage(ctx, UsageQuery{org, p.Calendar.Hour(s.Since), s.Until, s.By, start != nil}, func(row UsageSum) error {
		if start == nil {
			row.Start = s.Since
		} else {
			row.Start = start(row.Start)
		}
		at := place{row.Start.UnixMicro(), strings.Join(row.By, "\x00")}
		sum := sums[at]
		if sum == nil {
			if len(sums) == maxSums {
				return peal.Errorf(peal.CodeInvalid, "that would be more than %d rows; ask for less time or fewer dimensions", maxSums)
			}
			sums[at] = &row
			return nil
		}
		sum.Requests += row.Requests
		sum.Failed += row.Failed
		sum.Tokens += row.Tokens
		sum.Cost = sum.Cost.Add(row.Cost)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]UsageSum, 0, len(sums))
	for _, sum := range sums {
		out = append(out, *sum)
	}
	slices.SortFunc(out, func(a, b UsageSum) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(b.Cost, a.Cost), slices.Compare(a.By, b.By))
	})
	return out, nil
}
