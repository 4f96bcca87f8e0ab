package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
)

// slack posts Block Kit messages: to an incoming webhook, or as a bot to a channel.
type slack struct {
	egress *egress.Client
	// api is where Slack's methods are.
	api string
}

const slackAPI = "https://slack.com/api/"

type slackConfig struct {
	URL     string `json:"url"`
	Token   string `json:"token"`
	Channel string `json:"channel"`
}

func (*slack) Kind() string { return "slack" }

func (*slack) Fields() []Field {
	return append([]Field{
		{Name: "url", Type: String, Secret: true, Help: "An incoming webhook of Slack's, https://hooks.slack.com/services/…; or give token and channel."},
		{Name: "token", Type: String, Secret: true, Help: "A bot token, xoxb-…, with the scope chat:write."},
		{Name: "channel", Type: String, Help: "The channel that the bot posts to: its id, such as C0123456789, or its name."},
	}, wordFields...)
}

func (s *slack) Check(ctx context.Context, ep *peal.Endpoint) error {
	cfg, err := configOf[slackConfig](s, ep)
	switch {
	case err != nil:
		return err
	case cfg.URL == "" && cfg.Token == "":
		return peal.Invalid("config.url", "slack needs the url of an incoming webhook, or a token and a channel")
	case cfg.URL != "" && cfg.Token+cfg.Channel != "":
		return peal.Invalid("config.url", "slack takes a url, or a token and a channel, not both")
	case cfg.URL != "":
		return s.egress.CheckURL(ctx, cfg.URL)
	case cfg.Channel == "" || !peal.Printable(cfg.Channel):
		return peal.Invalid("config.channel", "a token needs the channel to post to")
	case strings.ContainsAny(cfg.Token, " \t") || egress.CheckHeader("Authorization", cfg.Token) != nil:
		return peal.Invalid("config.token", "the token must be one word, as Slack shows it")
	}
	return nil
}

// maxSlackAnswer is more than an answer that repeats a whole message.
const maxSlackAnswer = 256 << 10

func (s *slack) Send(ctx context.Context, ep *peal.Endpoint, req Request) Result {
	cfg, err := configOf[slackConfig](s, ep)
	if err != nil {
		return Result{Err: err, Permanent: true}
	}
	if cfg.URL != "" {
		return slackHook(result(s.egress.Do(ctx, egress.Request{
			URL: cfg.URL, Header: req.Headers, Body: req.Body, MaxResponse: peal.MaxResponseBody,
		})))
	}
	answer, err := s.egress.Do(ctx, egress.Request{
		URL: s.api + "chat.postMessage", Body: req.Body, MaxResponse: maxSlackAnswer,
		Header: append(req.Headers[:len(req.Headers):len(req.Headers)], peal.Header{Name: "Authorization", Value: "Bearer " + cfg.Token}),
	})
	whole := answer.Body
	answer.Body = whole[:min(len(whole), peal.MaxResponseBody)]
	res := result(answer, err)
	if res.Err == nil {
		slackVerdict(&res, whole)
	}
	return res
}

// slackVerdict reads the answer of a method: a failure is answered 200 as well.
func slackVerdict(res *Result, body []byte) {
	var said struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	switch {
	case json.Unmarshal(body, &said) != nil:
		res.Err = fmt.Errorf("answered %d with something that is not Slack's", res.StatusCode)
	case !said.OK:
		slackError(res, said.Error)
	}
}

// slackHook reads the answer of an incoming webhook, whose failures are a status and a
// word.
func slackHook(res Result) Result {
	if res.Err != nil && res.StatusCode >= http.StatusBadRequest {
		if code := strings.TrimSpace(string(res.Body)); slackErrors[code] != "" {
			slackError(&res, code)
		}
	}
	return res
}

// slackErrors are those that stay until somebody does something, in words that say what.
var slackErrors = map[string]string{
	"invalid_auth":                      "the token is not valid",
	"not_authed":                        "the token is missing",
	"account_inactive":                  "the token's bot or workspace was removed",
	"token_revoked":                     "the token was revoked",
	"token_expired":                     "the token has expired",
	"no_permission":                     "the token may not post",
	"missing_scope":                     "the token lacks the scope chat:write",
	"not_allowed_token_type":            "it is not a bot token",
	"org_login_required":                "the workspace is being migrated",
	"ekm_access_denied":                 "the workspace's administrators forbid it",
	"access_denied":                     "the workspace's administrators forbid it",
	"channel_not_found":                 "there is no such channel, or the bot may not see it",
	"not_in_channel":                    "the bot is not in the channel: invite it there",
	"is_archived":                       "the channel is archived",
	"channel_is_archived":               "the channel is archived",
	"restricted_action":                 "the workspace's settings forbid posting to the channel",
	"action_prohibited":                 "the workspace's administrators forbid it",
	"posting_to_general_channel_denied": "the workspace's settings forbid posting to the general channel",
	"invalid_token":                     "the webhook's URL is not valid any more",
	"no_active_hooks":                   "the webhook was disabled",
	"no_service":                        "the webhook was removed, or its URL is not complete",
	"no_service_id":                     "the webhook's URL is not complete",
	"no_team":                           "the webhook's URL names no workspace",
	"team_disabled":                     "the workspace was disabled",
	"invalid_blocks":                    "the message is not one that Slack takes",
	"invalid_payload":                   "the message is not one that Slack takes",
	"invalid_arguments":                 "the message is not one that Slack takes",
	"invalid_attachments":               "the message is not one that Slack takes",
	"too_many_attachments":              "the message is not one that Slack takes",
	"msg_too_long":                      "the message is too long for Slack",
	"msg_blocks_too_long":               "the message is too long for Slack",
	"no_text":                           "the message is empty",
}

// slackError makes a result a failure by Slack's word for it.
func slackError(res *Result, code string) {
	if words := slackErrors[code]; words != "" {
		res.Err, res.Permanent = fmt.Errorf("refused by Slack: %s (%s)", words, code), true
		return
	}
	if code == "" || strings.IndexFunc(code, notCode) >= 0 || len(code) > clipLen {
		code = "no reason"
	}
	res.Err = fmt.Errorf("not taken by Slack: %s", code)
}

func notCode(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }
