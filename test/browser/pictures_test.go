package browser

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/chromedp/chromedp"
)

// pictureName is that of a page's picture: event-id.png for /events/evt_….
func pictureName(path, theme string, width int64) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	name := parts[0]
	switch {
	case len(parts) > 1 && parts[1] == "new":
		name += "-new"
	case len(parts) > 1:
		name = strings.Join(append([]string{strings.TrimSuffix(name, "s") + "-one"}, parts[2:]...), "-")
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
const mostColors = 32

// fewColors is a picture in its most frequent colours, which is a fifth as large.
func fewColors(img image.Image) *image.Paletted {
	counts := map[color.Color]int{}
	box := img.Bounds()
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			counts[img.At(x, y)]++
		}
	}
	all := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int { return cmp.Compare(counts[b], counts[a]) })
	palette := color.Palette(all[:min(mostColors, len(all))])
	nearest := map[color.Color]uint8{}
	for _, c := range all {
		nearest[c] = uint8(palette.Index(c))
	}
	out := image.NewPaletted(box, palette)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			out.SetColorIndex(x, y, nearest[img.At(x, y)])
		}
	}
	return out
}
