package peal

import (
	"bytes"
	"encoding/json"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Decimal is an exact decimal number with nine places after the point: an amount of
// money, a limit. It reaches to about 9.2 billion either way.
type Decimal int64

const (
	decimalPlaces = 9
	// DecimalOne is the number 1.
	DecimalOne Decimal = 1_000_000_000
	// MaxDecimal is the largest number.
	MaxDecimal Decimal = math.MaxInt64
	// maxAmount bounds what comes from outside, so that sums have room.
	maxAmount = 1_000_000_000 * DecimalOne
)

// ParseDecimal reads a number such as 12.50 or 1e-7. One that has more than nine places
// is refused.
func ParseDecimal(s string) (Decimal, error) {
	d, exact, err := parseDecimal(s)
	if err == nil && !exact {
		err = Errorf(CodeInvalid, "an amount has at most %d places after the point", decimalPlaces)
	}
	return d, err
}

// RoundDecimal is ParseDecimal that rounds to nine places, half to even: for numbers
// that a program made from binary ones, such as 0.30000000000000004.
func RoundDecimal(s string) (Decimal, error) {
	d, _, err := parseDecimal(s)
	return d, err
}

var errNoDecimal = Errorf(CodeInvalid, "an amount is a decimal number of at most one billion, such as \"12.50\"")

// maxDecimalText bounds the text of a number.
const maxDecimalText = 64

func parseDecimal(s string) (d Decimal, exact bool, err error) {
	if len(s) > maxDecimalText {
		return 0, false, errNoDecimal
	}
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if exponent, err = strconv.Atoi(s[i+1:]); err != nil || exponent < -400 || exponent > 400 {
			return 0, false, errNoDecimal
		}
		mantissa = s[:i]
	}
	negative := strings.HasPrefix(mantissa, "-")
	whole, fraction, point := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	digits := whole + fraction
	isDigit := func(c byte) bool { return c >= '0' && c <= '9' }
	if whole == "" || point && fraction == "" || !allIn(digits, isDigit) {
		return 0, false, errNoDecimal
	}
	// The number is digits × 10^shift in units of the last place.
	n, rest, ok := scale(digits, decimalPlaces+exponent-len(fraction))
	if !ok || n > uint64(maxAmount) {
		return 0, false, errNoDecimal
	}
	d = Decimal(n)
	if rest.roundsUp(n) {
		d++
	}
	if negative {
		d = -d
	}
	return d, rest == restNone, nil
}

// rest is what is cut off a number, against half of the last place.
type rest int

const (
	restNone rest = iota
	restLess
	restHalf
	restMore
)

func (r rest) roundsUp(n uint64) bool { return r == restMore || r == restHalf && n%2 == 1 }

// scale is digits × 10^shift as a whole number, and what is left over.
func scale(digits string, shift int) (n uint64, r rest, ok bool) {
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return 0, restNone, true
	}
	if shift >= 0 {
		if len(digits)+shift > 19 {
			return 0, restNone, false
		}
		digits += strings.Repeat("0", shift)
	} else {
		cut := ""
		if keep := len(digits) + shift; keep >= 0 {
			digits, cut = digits[:keep], digits[keep:]
		} else {
			digits, cut = "", "0" // far less than half
		}
		r = restOf(cut, digits == "" && cut == "0")
	}
	if digits == "" {
		return 0, r, true
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, r, err == nil
}

func restOf(cut string, tiny bool) rest {
	if tiny {
		return restLess
	}
	first, others := cut[0], strings.Trim(cut[1:], "0") != ""
	switch {
	case first == '0' && !others:
		return restNone
	case first < '5':
		return restLess
	case first == '5' && !others:
		return restHalf
	}
	return restMore
}

// String is the number in as few digits as it needs, which is also its JSON number.
func (d Decimal) String() string { return d.text(0) }

// Money is the number with two places at least, as amounts are written.
func (d Decimal) Money() string { return d.text(2) }

func (d Decimal) text(places int) string {
	n, sign := uint64(d), ""
	if d < 0 {
		n, sign = -n, "-"
	}
	fraction := strconv.FormatUint(n%uint64(DecimalOne)+uint64(DecimalOne), 10)[1:]
	fraction = strings.TrimRight(fraction, "0")
	if short := places - len(fraction); short > 0 {
		fraction += strings.Repeat("0", short)
	}
	whole := strconv.FormatUint(n/uint64(DecimalOne), 10)
	if fraction == "" {
		return sign + whole
	}
	return sign + whole + "." + fraction
}

// Number is the exact JSON number, for the data of events.
func (d Decimal) Number() json.Number { return json.Number(d.String()) }

// MarshalJSON writes amounts as text, which no parser rounds.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(`"` + d.Money() + `"`), nil }

// UnmarshalJSON takes text, which must be exact, or a number, which is rounded.
func (d *Decimal) UnmarshalJSON(b []byte) (err error) {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if text, ok := bytes.CutPrefix(b, []byte(`"`)); ok {
		*d, err = ParseDecimal(string(bytes.TrimSuffix(text, []byte(`"`))))
	} else {
		*d, err = RoundDecimal(string(b))
	}
	return err
}

// Whole tells whether there is nothing after the point.
func (d Decimal) Whole() bool { return d%DecimalOne == 0 }

// Add is the sum, or the farthest number there is where that is beyond.
func (d Decimal) Add(e Decimal) Decimal {
	sum := d + e
	switch {
	case d > 0 && e > 0 && sum < 0:
		return MaxDecimal
	case d < 0 && e < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
}

// Percent is so many percent of a number that is not negative, rounded up: what reaches
// it has reached the share.
func (d Decimal) Percent(percent int) Decimal {
	high, low := bits.Mul64(uint64(max(d, 0)), uint64(max(percent, 0)))
	if high >= 100 {
		return MaxDecimal
	}
	n, left := bits.Div64(high, low, 100)
	if left > 0 {
		n++
	}
	if n > uint64(MaxDecimal) {
		return MaxDecimal
	}
	return Decimal(n)
}

// Round is a number that is not negative to so many places after the point, half up.
func (d Decimal) Round(places int) Decimal {
	unit := DecimalOne
	for range places {
		unit /= 10
	}
	if d > MaxDecimal-unit {
		return d
	}
	return (d + unit/2) / unit * unit
}
