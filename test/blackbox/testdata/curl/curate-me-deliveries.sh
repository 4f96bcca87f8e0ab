curl "https://api.curate-me.ai/api/v1/admin/webhooks/wh_abc123/deliveries?offset=0&limit=20" \
-H "Authorization: Bearer $TOKEN" \
-H "X-Org-ID: $ORG_ID"
