package catalogue

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// appendFormat writes a value the way people write such values. Formats:
//
//	""        as it is
//	usd       $12,345.67, $10, $0.0042
//	count     90,000
//	percent   90%, 90.5%
//	times     3x, 3.3x
//	seconds   a duration given in seconds: 45s, 5m, 1h30m
//	ms        a duration given in milliseconds: 850ms, 45s
//	words     pii_detected → pii detected
//	Words     daily_budget → Daily budget
//
// What is no number where a number is wanted is written as it is.
func appendFormat(out []byte, format, value string) []byte {
	switch format {
	case "":
		return append(out, value...)
	case "words", "Words":
		return appendWords(out, value, format == "Words")
	}
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) >= 1e15 {
		return append(out, value...)
	}
	switch format {
	case "usd":
		return appendUSD(out, n)
	case "count":
		return appendGrouped(out, n, 2, false)
	case "percent":
		return append(appendGrouped(out, n, 1, false), '%')
	case "times":
		return append(appendGrouped(out, n, 1, false), 'x')
	case "seconds":
		return appendDuration(out, n*float64(time.Second))
	case "ms":
		return appendDuration(out, n*float64(time.Millisecond))
	}
	return append(out, value...)
}

func appendWords(out []byte, value string, capital bool) []byte {
	for i := range len(value) {
		c := value[i]
		switch {
		case c == '_' || c == '-':
			c = ' '
		case c >= 'A' && c <= 'Z' && (!capital || i > 0):
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z' && capital && i == 0:
			c -= 'a' - 'A'
		}
		out = append(out, c)
	}
	return out
}

// appendUSD writes whole amounts without cents, and as many digits of an amount
// below a cent as say something.
func appendUSD(out []byte, n float64) []byte {
	if n < 0 {
		out, n = append(out, '-'), -n
	}
	out = append(out, '$')
	switch {
	case n == math.Trunc(n):
		return appendGrouped(out, n, 0, true)
	case n < 0.01:
		decimals := min(1-int(math.Floor(math.Log10(n))), 8)
		return strconv.AppendFloat(out, n, 'f', decimals, 64)
	}
	return appendGrouped(out, n, 2, true)
}

// appendGrouped writes n with commas between thousands and the given decimals,
// whose final zeros are left out unless all are wanted.
func appendGrouped(out []byte, n float64, decimals int, all bool) []byte {
	var buf [32]byte
	digits := strconv.AppendFloat(buf[:0], n, 'f', decimals, 64)
	if digits[0] == '-' {
		out, digits = append(out, '-'), digits[1:]
	}
	whole, fraction, _ := bytes.Cut(digits, []byte{'.'})
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, d)
	}
	if !all {
		fraction = bytes.TrimRight(fraction, "0")
	}
	if len(fraction) > 0 {
		out = append(append(out, '.'), fraction...)
	}
	return out
}

func appendDuration(out []byte, ns float64) []byte {
	if math.Abs(ns) > math.MaxInt64/2 {
		return out
	}
	d := time.Duration(ns)
	if d >= time.Second {
		d = d.Round(time.Second)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return append(out, s...)
}
