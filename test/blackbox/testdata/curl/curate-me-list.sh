curl https://api.curate-me.ai/api/v1/admin/webhooks \
-H "Authorization: Bearer $TOKEN" \
-H "X-Org-ID: $ORG_ID"
