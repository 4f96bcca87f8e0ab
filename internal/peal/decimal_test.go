package peal_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/peal"
)

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "1.10": "1.1", "100.00": "100", "48.1234": "48.1234", "0.000000001": "0.000000001",
		"1e-7": "0.0000001", "1E2": "100", "2.5e1": "25", "007": "7", "-12.50": "-12.5", "1000000000": "1000000000", "0e400": "0",
	} {
		if got, err := peal.ParseDecimal(in); err != nil || got.String() != want {
			t.Errorf("%q: %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "-", ".", "1.", ".5", "+1", "1,5", "0x10", "1e", "1e401", "NaN", "1 ", "1000000001", "0.0000000001", "--1", strings.Repeat("0", 65),
	} {
		if got, err := peal.ParseDecimal(in); peal.CodeOf(err) != peal.CodeInvalid || err == nil {
			t.Errorf("%q was taken for %s, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"0.30000000000000004": "0.3", "0.0000000005": "0", "0.0000000015": "0.000000002", "0.00000000051": "0.000000001", "1e-300": "0",
		"-0.0000000015": "-0.000000002",
	} {
		if got, err := peal.RoundDecimal(in); err != nil || got.String() != want {
			t.Errorf("%q: %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestDecimalJSON(t *testing.T) {
	t.Parallel()
	var got []peal.Decimal
	if err := json.Unmarshal([]byte(`["100.00", 48.1234, 3, 0.1]`), &got); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(got)
	if want := `["100.00","48.1234","3.00","0.10"]`; err != nil || string(out) != want {
		t.Errorf("%s, %v; want %s", out, err, want)
	}
	if err := json.Unmarshal([]byte(`["0.0000000001"]`), &got); err == nil {
		t.Error("text with ten places was rounded")
	}
}

func TestDecimalProperties(t *testing.T) {
	t.Parallel()
	amounts := rapid.Int64Range(-1e18, 1e18)
	rapid.Check(t, func(t *rapid.T) {
		d, e := peal.Decimal(amounts.Draw(t, "d")), peal.Decimal(amounts.Draw(t, "e"))
		for _, text := range []string{d.String(), d.Money()} {
			if back, err := peal.ParseDecimal(text); err != nil || back != d {
				t.Fatalf("%d is written %s and read %d, %v", d, text, back, err)
			}
		}
		if d.Add(e) != e.Add(d) || d.Add(e).Add(-e) != d {
			t.Fatalf("%s + %s", d, e)
		}
		percent := rapid.IntRange(0, 1000).Draw(t, "percent")
		d = max(d, -d)
		exact := new(big.Int).Mul(big.NewInt(int64(d)), big.NewInt(int64(percent)))
		share := new(big.Int).Mul(big.NewInt(int64(d.Percent(percent))), big.NewInt(100))
		if over := new(big.Int).Sub(share, exact); d.Percent(percent) != peal.MaxDecimal && (over.Sign() < 0 || over.Cmp(big.NewInt(100)) >= 0) {
			t.Fatalf("%d percent of %s is %s", percent, d, d.Percent(percent))
		}
	})
}
