# An image of files that were collected on this machine; for tests only, where no registry has a base to offer.
FROM scratch
COPY . /
ENV PATH=/usr/local/bin:/usr/bin:/bin
USER 10001:10001
