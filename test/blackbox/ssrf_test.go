package blackbox

import (
	"testing"
)

// internal are spellings of addresses that a server of the open internet must not
// be made to call.
var internal = []string{
	"https://127.0.0.1/", "https://127.0.0.1:8443/x", "https://127.8.9.1/", "https://localhost/", "https://LOCALHOST./",
	"https://sub.localhost/", "https://0.0.0.0/", "https://0/", "https://0.1.2.3/",
	"https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://017700000001/",
	"https://127.1/", "https://127.0.1/", "https://127.0.0.1./", "https://0000177.0.0.1/",
	"https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/", "https://%31%32%37.0.0.1/",
	"https://10.0.0.1/", "https://10.255.255.255/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/",
	"https://169.254.169.254/latest/meta-data/", "https://0xa9fea9fe/", "https://2852039166/", "https://169.254.1/",
	"https://100.64.0.1/", "https://100.127.255.254/", "https://192.0.0.1/", "https://192.0.2.1/", "https://198.18.0.1/",
	"https://198.51.100.1/", "https://203.0.113.1/", "https://224.0.0.1/", "https://239.255.255.255/", "https://240.0.0.1/",
	"https://255.255.255.255/",
	"https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
	"https://[::ffff:169.254.169.254]/", "https://[::127.0.0.1]/", "https://[64:ff9b::127.0.0.1]/", "https://[64:ff9b::a00:1]/",
	"https://[64:ff9b:1::a00:1]/", "https://[2002:7f00:1::]/", "https://[2002:a9fe:a9fe::1]/", "https://[2001:0:7f00:1::1]/",
	"https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fec0::1]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/",
	"https://[ff02::1]/", "https://[2001:db8::1]/", "https://[100::1]/",
}

// malformed are targets that are no https addresses at all.
var malformed = []string{
	"", "hook", "/hook", "//127.0.0.1/", "https:", "https://", "https:///hook", "https://:443/", "https://host:0/", "https://host:99999/",
	"ftp://1.1.1.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "javascript:alert(1)", "unix:/run/x.sock",
	"https://user:pass@1.1.1.1/", "https://1.1.1.1\r\nX: y/", "https://1.1.1.1/ a\r\nb", "https://exa mple/", "https://[::1", "https://a..b/",
	"http://1.1.1.1/", "HTTP://1.1.1.1/",
}

func TestInternalAddressesAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, []string{}...)
	c := s.Admin()
	// Nothing is published here, so that nothing is sent to this address.
	public := c.Endpoint(t, "https://1.1.1.1/hook")
	for _, target := range append(append([]string{}, internal...), malformed...) {
		o := c.Call(t, 400, "POST", "/v1/endpoints", object{"url": target})
		if text(o, "field") != "url" {
			t.Errorf("%q: the problem does not name the url: %v", target, o)
		}
		c.Call(t, 400, "PATCH", "/v1/endpoints/"+text(public, "id"), object{"url": target})
		c.Call(t, 400, "POST", "/api/v1/admin/webhooks", object{"url": target, "events": []string{"x"}, "secret": "s"})
		channel := object{"name": "n", "channel_type": "webhook", "config": object{"url": target}}
		for _, path := range []string{"/nemo/channel/new", "/nemo/channel/test"} {
			if a := c.Try(t, "POST", path, channel); a.Status != 400 {
				t.Errorf("POST %s with %q: %d %s", path, target, a.Status, clip(a.Body))
			}
		}
	}
	if all := c.List(t, "/v1/endpoints"); len(all) != 1 || text(all[0], "url") != "https://1.1.1.1/hook" {
		t.Errorf("endpoints: %v", all)
	}
}

// What is allowed by --allow-cidr is that range, and no more.
func TestAllowedRangeIsNoWider(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--allow-cidr", "127.0.0.1/32", "--allow-http")
	c := s.Admin()
	c.Endpoint(t, "http://127.0.0.1:1/hook")
	c.Endpoint(t, "http://2130706433:1/hook")
	for _, target := range []string{"http://127.0.0.2/", "http://[::1]/", "http://10.0.0.1/", "http://169.254.169.254/"} {
		c.Call(t, 400, "POST", "/v1/endpoints", object{"url": target})
	}
}
