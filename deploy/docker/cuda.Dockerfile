# A node that trains on NVIDIA GPUs. Build from the repository's root, with an unpacked libtorch for CUDA 12.8 (a folder with
# include/ and lib/) as a build context of its own:
#   docker build -f deploy/docker/cuda.Dockerfile --build-context libtorch=LIBTORCH_FOLDER -t finetunegrid/node-cuda:0.1.0 .
ARG CUDA=12.8.1-cudnn-runtime-ubuntu24.04
ARG DOTNET=10.0

FROM mcr.microsoft.com/dotnet/sdk:${DOTNET} AS sdk

FROM nvidia/cuda:${CUDA} AS build
COPY --from=sdk /usr/share/dotnet /usr/share/dotnet
COPY --from=libtorch / /opt/libtorch
ENV PATH=/usr/share/dotnet:$PATH DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 GRID_LIBTORCH=/opt/libtorch
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates g++ libopenblas0-pthread libssl3t64 libzstd1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# As in Dockerfile: the grains by the real packages, the trainer over the libtorch that is here.
ARG PACKAGES=nuget
ARG TRAINER_PACKAGES=airgap
RUN ./grid publish /out --packages "$PACKAGES" --trainer-packages "$TRAINER_PACKAGES" \
    && test -f /out/FineTuneGrid.Trainer/libGridNative.so

FROM nvidia/cuda:${CUDA} AS node
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libopenblas0-pthread libssl3t64 libzstd1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 finetunegrid \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin finetunegrid \
    && install -d -o 10001 -g 10001 -m 0700 /data /tokens
COPY --from=libtorch /lib /opt/libtorch/lib
COPY --from=build /out/FineTuneGrid.Host /opt/finetunegrid/FineTuneGrid.Host
COPY --from=build /out/FineTuneGrid.Trainer /opt/finetunegrid/FineTuneGrid.Trainer
ENV HOME=/data GRID_LIBTORCH=/opt/libtorch LD_LIBRARY_PATH=/opt/libtorch/lib:/usr/local/cuda/lib64 NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/finetunegrid/FineTuneGrid.Host/FineTuneGrid.Host"]
CMD ["--roles", "node", "--data", "/data", "--token-file", "/tokens/token", "--device", "cuda"]
