curl -X PATCH https://api.curate-me.ai/api/v1/admin/webhooks/wh_abc123 \
-H "Authorization: Bearer $TOKEN" \
-H "X-Org-ID: $ORG_ID" \
-H "Content-Type: application/json" \
-d '{
"events": ["budget.exceeded", "agent.failed"],
"url": "https://your-app.com/webhooks/v2/curate-me"
}'
