curl -X POST https://api.curate-me.ai/api/v1/admin/webhooks \
-H "Authorization: Bearer $TOKEN" \
-H "X-Org-ID: $ORG_ID" \
-H "Content-Type: application/json" \
-d '{
"url": "https://your-app.com/webhooks/curate-me",
"events": [
"budget.exceeded",
"budget.warning",
"guardrail.triggered",
"approval.requested",
"agent.failed"
],
"secret": "whsec_your_signing_secret"
}'
