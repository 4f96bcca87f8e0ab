curl -X POST https://api.nemorouter.ai/nemo/channel/new \
-H "Authorization: Bearer sk-nemo-your-key" \
-H "Content-Type: application/json" \
-d '{
"name": "Production alerts",
"channel_type": "webhook",
"config": {
"url": "https://hooks.your-app.com/nemo",
"secret": "whsec_a-long-random-string",
"headers": {
"X-Custom-Header": "optional"
}
},
"is_active": true
}'
