curl -X DELETE https://api.curate-me.ai/api/v1/admin/webhooks/wh_abc123 \
-H "Authorization: Bearer $TOKEN" \
-H "X-Org-ID: $ORG_ID"
