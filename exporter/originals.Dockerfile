# iperf3 and vsftpd for docker-compose.reflector.yml, on the same base as the exporter.
FROM node:26.13.0-bookworm-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends iperf3 mptcpize procps vsftpd \
  && rm -rf /var/lib/apt/lists/*
# Whoever reaches it may store files, for probes do: so it runs as an ordinary user, in a folder of bounded size, with few
# clients at once.
RUN printf '%s\n' \
    background=NO listen=YES listen_port=2121 max_clients=8 max_per_ip=4 \
    run_as_launching_user=YES seccomp_sandbox=NO \
    anonymous_enable=YES no_anon_password=YES anon_root=/srv/probes \
    write_enable=YES anon_upload_enable=YES anon_other_write_enable=YES anon_world_readable_only=NO \
    idle_session_timeout=60 data_connection_timeout=60 \
    > /etc/vsftpd-probes.conf
USER node
EXPOSE 5201 2121
