# A worker that speaks the protocol without a client; what it runs are processes of their own.
log=$CHAOS_LOG
for step in 1 2 3 4 5 6; do
  sleep 0.05; true
  echo "$CLAVIER_TRIAL $CLAVIER_LAUNCH $step 0.$step" >>"$log"
  echo "{\"type\":\"report\",\"step\":$step,\"metrics\":{\"loss\":0.$step}}" >&3
done
