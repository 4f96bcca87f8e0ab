package client_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/peal-dev/peal/client"
)

// ExampleClient_ReportUsage reports what a gateway did. Records with an ID of their own can
// be reported again after a crash and count once.
func ExampleClient_ReportUsage() {
	server := answering(http.StatusAccepted, `{"accepted":1,"duplicates":1}`)
	defer server.Close()

	c := &client.Client{BaseURL: server.URL, Key: "sk_…"}
	a, err := c.ReportUsage(context.Background(), []client.UsageRecord{
		{ID: "req_1", Key: "prod-chat", Model: "gpt-4.1", Tokens: 1200, Cost: "0.0125", Status: "200"},
		{ID: "req_2", Key: "prod-chat", Model: "gpt-4.1", Tokens: 900, Cost: "0.0094", Status: "503"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.Accepted, "counted,", a.Duplicates, "known")
	// Output: 1 counted, 1 known
}

// ExampleClient_Reserve asks before a request is made, waits for a person where one is
// asked, and settles what it came to.
func ExampleClient_Reserve() {
	server := answering(http.StatusOK, `{"id":"res_01h455vb4pex5vsknk084sn02q","decision":"allow","status":"settled","cost":"0.0425"}`)
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	c := &client.Client{BaseURL: server.URL, Key: "sk_…"}
	r, err := c.Reserve(ctx, client.ReservationRequest{Key: "prod-chat", Model: "gpt-4.1", EstimatedCost: "0.05"})
	if err == nil && r.Decision == client.ApprovalRequired {
		r, err = c.AwaitApproval(ctx, r.ID)
	}
	if err != nil {
		log.Fatal(err)
	}
	if r.Decision != client.Allow {
		fmt.Println("denied by", r.BlockedBy)
		return
	}
	// Here the request is made; where it is not, Release gives the reservation up.
	r, err = c.Settle(ctx, r.ID, client.Settlement{Cost: "0.0425", Tokens: 900, Status: "200"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Status, r.Cost)
	// Output: settled 0.0425
}

// ExampleClient_Approvals denies what waits for a person and would cost a lot.
func ExampleClient_Approvals() {
	server := answering(http.StatusOK, `{"data":[{"id":"apr_01h455vb4pex5vsknk084sn02q","status":"pending","model":"o3","estimated_cost":"125.00"}],"next_cursor":null}`)
	defer server.Close()

	ctx := context.Background()
	c := &client.Client{BaseURL: server.URL, Key: "sk_…"}
	for a, err := range c.Approvals(ctx, client.ApprovalFilter{Pending: true}) {
		if err != nil {
			log.Fatal(err)
		}
		if a.Model != "o3" {
			continue
		}
		if _, err := c.DenyRequest(ctx, a.ID, client.ApprovalDecision{By: "ada@example.com", Reason: "use a smaller model"}); err != nil {
			log.Fatal(err)
		}
		fmt.Println(a.Model, a.EstimatedCost)
	}
	// Output: o3 125.00
}

// ExampleClient_Usage sums the usage of a month up by team.
func ExampleClient_Usage() {
	server := answering(http.StatusOK, `{"data":[{"start":"2026-05-01T00:00:00Z","team":"research","requests":1200,"cost":"48.12"}]}`)
	defer server.Close()

	c := &client.Client{BaseURL: server.URL, Key: "sk_…"}
	sums, err := c.Usage(context.Background(), client.UsageQuery{By: []string{"team"}, Period: "month"})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range sums {
		fmt.Println(s.Start.Format("2006-01"), s.Team, s.Requests, s.Cost)
	}
	// Output: 2026-05 research 1200 48.12
}
