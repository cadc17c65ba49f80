/* A share that misbehaves: a pass-through FUSE file system with latency and faults.
 *
 *   faultfs BACKING CONTROL MOUNTPOINT [fuse options]
 *
 * CONTROL is a file of 64-bit numbers, mapped into memory: whoever writes one changes what happens next. The order of
 * the numbers is that of `enum key`, which tests/support/share.rs knows too. "At" counts from 1; 0 is never.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum key {
  DELAY_US, HANG, STALE, DROP_WRITES,
  EIO_WRITE_AT, EIO_READ_AT, EIO_FSYNC_AT, EIO_RENAME_AT, EIO_FSYNC_ALWAYS,
  CORRUPT_WRITE_AT, CORRUPT_WRITES_FROM, FULL_AFTER_BYTES, FAT,
  WRITES, READS, FSYNCS, RENAMES, BYTES, CALLS,
  KEYS = 64
};

static _Atomic long long *key;
static char root[4096];

#define PATH 8192

static void below(char *out, const char *path) { snprintf(out, PATH, "%s%s", root, path); }

/* Every call passes here first. */
static int enter(void) {
  key[CALLS]++;
  /* Not for ever: should the test be killed, nothing else would ever end this. */
  for (int i = 0; key[HANG] && i < 6000; i++) usleep(20000);
  if (key[DELAY_US]) usleep(key[DELAY_US]);
  return key[STALE] ? -ESTALE : 0;
}

/* FAT refuses some names, knows no permission bits, and keeps times to two seconds. */
static int refused(const char *path) { return key[FAT] && strpbrk(path, ":?*<>|\"\\"); }

/* Whether this is the call that is to fail. */
static int hit(enum key count, enum key at) { return ++key[count] == key[at]; }

#define ENTER { int stopped = enter(); if (stopped) return stopped; }
#define BELOW(name, path) char name[PATH]; below(name, path)
#define RETURN(call) return (call) < 0 ? -errno : 0

static int f_getattr(const char *p, struct stat *s, struct fuse_file_info *f) {
  ENTER BELOW(b, p);
  RETURN(f ? fstat(f->fh, s) : lstat(b, s));
}

static int f_readdir(const char *p, void *to, fuse_fill_dir_t fill, off_t o, struct fuse_file_info *f,
                     enum fuse_readdir_flags flags) {
  ENTER BELOW(b, p);
  (void)o, (void)f, (void)flags;
  DIR *folder = opendir(b);
  if (!folder) return -errno;
  struct dirent *e;
  while ((e = readdir(folder))) {
    struct stat s = {.st_ino = e->d_ino, .st_mode = (mode_t)e->d_type << 12};
    if (fill(to, e->d_name, &s, 0, 0)) break;
  }
  closedir(folder);
  return 0;
}

static int f_mkdir(const char *p, mode_t m) { ENTER BELOW(b, p); RETURN(mkdir(b, m)); }
static int f_unlink(const char *p) { ENTER BELOW(b, p); RETURN(unlink(b)); }
static int f_rmdir(const char *p) { ENTER BELOW(b, p); RETURN(rmdir(b)); }
static int f_symlink(const char *to, const char *p) { ENTER BELOW(b, p); RETURN(symlink(to, b)); }

static int f_readlink(const char *p, char *out, size_t n) {
  ENTER BELOW(b, p);
  ssize_t r = readlink(b, out, n - 1);
  if (r < 0) return -errno;
  out[r] = 0;
  return 0;
}

static int f_rename(const char *p, const char *q, unsigned flags) {
  ENTER BELOW(b, p); BELOW(c, q);
  if (hit(RENAMES, EIO_RENAME_AT)) return -EIO;
  RETURN(renameat2(AT_FDCWD, b, AT_FDCWD, c, flags));
}

static int f_chmod(const char *p, mode_t m, struct fuse_file_info *f) {
  ENTER BELOW(b, p);
  if (key[FAT]) return -EPERM;
  RETURN(f ? fchmod(f->fh, m) : chmod(b, m));
}

static int f_chown(const char *p, uid_t u, gid_t g, struct fuse_file_info *f) {
  ENTER BELOW(b, p);
  (void)f;
  RETURN(lchown(b, u, g));
}

static int f_truncate(const char *p, off_t size, struct fuse_file_info *f) {
  ENTER BELOW(b, p);
  RETURN(f ? ftruncate(f->fh, size) : truncate(b, size));
}

static int f_utimens(const char *p, const struct timespec t[2], struct fuse_file_info *f) {
  ENTER BELOW(b, p);
  struct timespec rounded[2] = {t[0], t[1]};
  if (key[FAT]) {
    rounded[1].tv_sec &= ~1L;
    if (rounded[1].tv_nsec < 1000000000) rounded[1].tv_nsec = 0;
  }
  RETURN(f ? futimens(f->fh, rounded) : utimensat(AT_FDCWD, b, rounded, AT_SYMLINK_NOFOLLOW));
}

static int f_open(const char *p, struct fuse_file_info *f) {
  ENTER BELOW(b, p);
  int fd = open(b, f->flags & ~O_DIRECT);
  if (fd < 0) return -errno;
  f->fh = fd;
  return 0;
}

static int f_create(const char *p, mode_t m, struct fuse_file_info *f) {
  ENTER BELOW(b, p);
  if (refused(p)) return -EINVAL;
  int fd = open(b, f->flags & ~O_DIRECT, key[FAT] ? 0755 : m);
  if (fd < 0) return -errno;
  f->fh = fd;
  return 0;
}

static int f_read(const char *p, char *to, size_t n, off_t o, struct fuse_file_info *f) {
  ENTER
  (void)p;
  if (hit(READS, EIO_READ_AT)) return -EIO;
  ssize_t r = pread(f->fh, to, n, o);
  return r < 0 ? -errno : r;
}

static int f_write(const char *p, const char *from, size_t n, off_t o, struct fuse_file_info *f) {
  ENTER
  (void)p;
  long long bytes = (key[BYTES] += n);
  if (hit(WRITES, EIO_WRITE_AT)) return -EIO;
  if (key[FULL_AFTER_BYTES] && bytes > key[FULL_AFTER_BYTES]) return -ENOSPC;
  if (key[DROP_WRITES]) return n;
  int corrupt = key[WRITES] == key[CORRUPT_WRITE_AT] || (key[CORRUPT_WRITES_FROM] && key[WRITES] >= key[CORRUPT_WRITES_FROM]);
  ssize_t r;
  if (corrupt && n) {
    char *other = malloc(n);
    if (!other) return -ENOMEM;
    memcpy(other, from, n);
    other[n / 2] ^= 0x40;
    r = pwrite(f->fh, other, n, o);
    free(other);
  } else {
    r = pwrite(f->fh, from, n, o);
  }
  return r < 0 ? -errno : r;
}

static int f_fsync(const char *p, int data, struct fuse_file_info *f) {
  ENTER
  (void)p;
  if (hit(FSYNCS, EIO_FSYNC_AT) || key[EIO_FSYNC_ALWAYS]) return -EIO;
  RETURN(data ? fdatasync(f->fh) : fsync(f->fh));
}

/* As a CIFS share answers. */
static int f_fsyncdir(const char *p, int data, struct fuse_file_info *f) {
  ENTER
  (void)p, (void)data, (void)f;
  return -EINVAL;
}

static int f_statfs(const char *p, struct statvfs *s) { ENTER BELOW(b, p); RETURN(statvfs(b, s)); }
static int f_flush(const char *p, struct fuse_file_info *f) { (void)p, (void)f; return enter(); }
static int f_release(const char *p, struct fuse_file_info *f) { (void)p; close(f->fh); return 0; }

static void *f_init(struct fuse_conn_info *c, struct fuse_config *config) {
  config->use_ino = 1;
  config->attr_timeout = config->entry_timeout = 1.0;
  c->max_write = 1 << 20;
  return NULL;
}

static const struct fuse_operations operations = {
  .init = f_init, .getattr = f_getattr, .readdir = f_readdir, .mkdir = f_mkdir, .unlink = f_unlink, .rmdir = f_rmdir,
  .symlink = f_symlink, .readlink = f_readlink, .rename = f_rename, .chmod = f_chmod, .chown = f_chown,
  .truncate = f_truncate, .utimens = f_utimens, .open = f_open, .create = f_create, .read = f_read, .write = f_write,
  .statfs = f_statfs, .flush = f_flush, .release = f_release, .fsync = f_fsync, .fsyncdir = f_fsyncdir,
};

int main(int count, char **words) {
  if (count < 4 || !realpath(words[1], root)) {
    fprintf(stderr, "usage: faultfs BACKING CONTROL MOUNTPOINT [fuse options]\n");
    return 2;
  }
  int control = open(words[2], O_RDWR | O_CREAT, 0600);
  if (control < 0 || ftruncate(control, KEYS * sizeof *key)) {
    perror(words[2]);
    return 1;
  }
  key = mmap(NULL, KEYS * sizeof *key, PROT_READ | PROT_WRITE, MAP_SHARED, control, 0);
  if (key == MAP_FAILED) {
    perror("mmap");
    return 1;
  }
  words[2] = words[0];
  umask(0);
  return fuse_main(count - 2, words + 2, &operations, NULL);
}
