# Image of worker, trainer and command line; the command says which.
#
# Debian, not Alpine: the core of the Temporal SDK (@temporalio/core-bridge) is a native library that comes built for
# glibc only, and does not load with Alpine's musl.

FROM node:22-bookworm-slim AS build
WORKDIR /app
# Packages before sources: a change of source code leaves this layer as it is.
COPY package.json package-lock.json .npmrc ./
COPY packages/app/package.json packages/app/
COPY packages/local-trainer/package.json packages/local-trainer/
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY schema schema
COPY packages packages
COPY src src
# Compiles to dist/ and bundles the workflows there: a worker that bundles at its start takes seconds longer and needs
# the sources.
RUN npm run build

FROM node:22-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/app/package.json packages/app/
COPY packages/local-trainer/package.json packages/local-trainer/
# The native library comes for five platforms, about 28 MB each; this image runs on one.
RUN npm ci --omit=dev \
  && npm cache clean --force \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
    ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} +

FROM node:22-bookworm-slim
# Node brings its own certificate authorities; the native library looks for those of the system, which the slim image
# lacks, as soon as the Temporal server is reached over TLS.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
# Stack traces that name the source, where the build wrote source maps.
ENV NODE_OPTIONS=--enable-source-maps
# For state; a volume that is mounted here for the first time takes over this owner.
ENV TUNELOOP_HOME=/data
RUN install --directory --owner=node --group=node /data
WORKDIR /app
# Owned by root: the program cannot change itself.
COPY package.json ./
COPY schema schema
COPY --from=packages /app/node_modules node_modules
# Versions that only one of our packages needs lie beside it.
COPY --from=packages /app/packages packages
# The packages run from their sources, as in the repository.
COPY packages packages
COPY --from=build /app/dist dist
USER node
CMD ["node", "dist/worker.js"]
