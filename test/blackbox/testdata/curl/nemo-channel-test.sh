curl -X POST https://api.nemorouter.ai/nemo/channel/test \
-H "Authorization: Bearer sk-nemo-your-key" \
-H "Content-Type: application/json" \
-d '{
"channel_type": "webhook",
"config": {
"url": "https://hooks.your-app.com/nemo",
"secret": "whsec_a-long-random-string"
}
}'
