package browser

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPictures puts pictures of every page into docs/dashboard, in both themes, wide and
// narrow.
func TestPictures(t *testing.T) {
	if !*update {
		t.Skip("pictures are taken with -update")
	}
	s, pages := filled(t, "sqlite:"+filepath.Join(t.TempDir(), "peal.db"), pleasant)
	b := newBrowser(t, s)
	b.open("/dashboard/sign-in")
	b.pictures("/sign-in")
	b.signIn(adminKey)
	for _, p := range pages {
		b.openUntil("/dashboard"+p, "Sign out")
		b.pictures(p)
	}
	b.open(s.portal(t) + "/deliveries")
	b.pictures("/portal")
}

// pictures takes those of the page that is open.
func (b *browser) pictures(path string) {
	b.t.Helper()
	for _, theme := range []string{"light", "dark"} {
		eval[bool](b, `(localStorage.setItem("theme", "`+theme+`"), document.documentElement.dataset.theme = "`+theme+`", true)`)
		for _, width := range []int64{1280, 320} {
			b.do(chromedp.EmulateViewport(width, 800))
			b.picture(path, theme, width)
		}
		b.do(chromedp.EmulateViewport(1280, 800))
	}
}

// pictureName is that of a page's picture: event-id.png for /events/evt_….
func pictureName(path, theme string, width int64) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	name := parts[0]
	switch {
	case len(parts) > 1 && parts[1] == "new":
		name += "-new"
	case len(parts) > 1:
		one := strings.TrimSuffix(strings.Replace(name, "deliveries", "deliverys", 1), "s")
		name = strings.Join(append([]string{one}, parts[2:]...), "-")
	}
	size := "wide"
	if width < 600 {
		size = "narrow"
	}
	return name + "-" + theme + "-" + size + ".png"
}

// picture keeps a picture of the page.
func (b *browser) picture(path, theme string, width int64) {
	b.t.Helper()
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, fewColors(img)); err != nil {
		b.t.Fatal(err)
	}
	if out.Len() > 60<<10 {
		b.t.Errorf("the picture of %s has %d bytes", path, out.Len())
	}
	file := filepath.Join("../../docs/dashboard", pictureName(path, theme, width))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// mostColors is how many colours a picture keeps: pages have few, and letters' edges many.
const mostColors = 40

// fewColors is a picture in the colours that it needs most, which is a fifth as large: those
// that are frequent, and those that are unlike them, such as that of one small mark.
func fewColors(img image.Image) *image.Paletted {
	counts := map[color.RGBA]int{}
	box := img.Bounds()
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) }
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	type place struct {
		far int
		at  uint8
	}
	all := map[color.RGBA]*place{}
	for c := range counts {
		all[c] = &place{far: 1 << 20}
	}
	var palette color.Palette
	for range min(mostColors, len(all)) {
		var next color.RGBA
		most := -1.0
		for c, p := range all {
			if need := math.Sqrt(float64(counts[c])) * float64(p.far); need > most {
				next, most = c, need
			}
		}
		for c, p := range all {
			if d := apart(c, next); d < p.far {
				p.far, p.at = d, uint8(len(palette))
			}
		}
		palette = append(palette, next)
	}
	out := image.NewPaletted(box, palette)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			out.SetColorIndex(x, y, all[at(x, y)].at)
		}
	}
	return out
}

// apart is how unlike two colours are.
func apart(a, b color.RGBA) int {
	square := func(x, y uint8) int { return (int(x) - int(y)) * (int(x) - int(y)) }
	return square(a.R, b.R) + square(a.G, b.G) + square(a.B, b.B)
}
