-- The pipeline's tables as DataJoint 0.14 declares them; {pose} is `pose_pipeline`, perhaps with a prefix, {charset} the server's default.
CREATE DATABASE mocap_sessions CHARACTER SET {charset};
CREATE DATABASE multicamera_tracking CHARACTER SET {charset};
CREATE DATABASE `{pose}` CHARACTER SET {charset};

CREATE TABLE `{pose}`.`~external_localattach` (
  `hash` binary(16) NOT NULL COMMENT ':uuid:hash of contents (blob), of filename + contents (attach), or relative filepath (filepath)',
  `size` bigint(20) unsigned NOT NULL COMMENT 'size of object in bytes',
  `attachment_name` varchar(255) DEFAULT NULL COMMENT 'the filename of an attachment',
  `filepath` varchar(1000) DEFAULT NULL COMMENT 'relative filepath or attachment filename',
  `contents_hash` binary(16) DEFAULT NULL COMMENT ':uuid:used for the filepath datatype',
  `timestamp` timestamp NOT NULL DEFAULT current_timestamp() COMMENT 'automatic timestamp',
  PRIMARY KEY (`hash`)
) ENGINE=InnoDB COMMENT='external storage tracking';

CREATE TABLE `{pose}`.`video` (
  `video_project` varchar(50) NOT NULL,
  `filename` varchar(100) NOT NULL,
  `video` binary(16) NOT NULL COMMENT ':attach@localattach:managed through DataJoint',
  `start_time` timestamp(3) NOT NULL DEFAULT '2000-01-01 00:00:00.000',
  `import_time` timestamp NOT NULL DEFAULT current_timestamp(),
  PRIMARY KEY (`video_project`,`filename`),
  KEY `video` (`video`),
  CONSTRAINT `video_ibfk_1` FOREIGN KEY (`video`) REFERENCES `{pose}`.`~external_localattach` (`hash`) ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE multicamera_tracking.multi_camera_recording (
  `recording_timestamps` timestamp NOT NULL DEFAULT '2000-01-01 00:00:00',
  `camera_config_hash` varchar(50) NOT NULL,
  `video_project` varchar(50) NOT NULL,
  `video_base_filename` varchar(100) NOT NULL,
  PRIMARY KEY (`recording_timestamps`,`camera_config_hash`)
) ENGINE=InnoDB;

CREATE TABLE multicamera_tracking.single_camera_video (
  `recording_timestamps` timestamp NOT NULL DEFAULT '2000-01-01 00:00:00',
  `camera_config_hash` varchar(50) NOT NULL,
  `video_project` varchar(50) NOT NULL,
  `filename` varchar(100) NOT NULL,
  `camera_name` varchar(50) NOT NULL,
  `frame_timestamps` longblob NOT NULL COMMENT 'precise timestamps from that camera',
  PRIMARY KEY (`recording_timestamps`,`camera_config_hash`,`video_project`,`filename`),
  KEY `video_project` (`video_project`,`filename`),
  CONSTRAINT `single_camera_video_ibfk_1` FOREIGN KEY (`recording_timestamps`, `camera_config_hash`)
    REFERENCES multicamera_tracking.multi_camera_recording (`recording_timestamps`, `camera_config_hash`) ON UPDATE CASCADE,
  CONSTRAINT `single_camera_video_ibfk_2` FOREIGN KEY (`video_project`, `filename`)
    REFERENCES `{pose}`.`video` (`video_project`, `filename`) ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE multicamera_tracking.multi_camera_calibration (
  `cal_timestamp` timestamp NOT NULL DEFAULT '2000-01-01 00:00:00',
  `camera_config_hash` varchar(50) NOT NULL,
  `video_project` varchar(50) NOT NULL,
  `video_base_filename` varchar(100) NOT NULL,
  `comment` varchar(255) NOT NULL DEFAULT '',
  PRIMARY KEY (`cal_timestamp`,`camera_config_hash`)
) ENGINE=InnoDB;

CREATE TABLE mocap_sessions.subject (
  `participant_id` varchar(50) NOT NULL,
  PRIMARY KEY (`participant_id`)
) ENGINE=InnoDB;

CREATE TABLE mocap_sessions.session (
  `participant_id` varchar(50) NOT NULL,
  `session_date` date NOT NULL,
  PRIMARY KEY (`participant_id`,`session_date`),
  CONSTRAINT `session_ibfk_1` FOREIGN KEY (`participant_id`)
    REFERENCES mocap_sessions.subject (`participant_id`) ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE TABLE mocap_sessions.recording (
  `participant_id` varchar(50) NOT NULL,
  `session_date` date NOT NULL,
  `recording_timestamps` timestamp NOT NULL DEFAULT '2000-01-01 00:00:00',
  `camera_config_hash` varchar(50) NOT NULL,
  `comment` varchar(255) NOT NULL,
  PRIMARY KEY (`participant_id`,`session_date`,`recording_timestamps`,`camera_config_hash`),
  KEY `recording_timestamps` (`recording_timestamps`,`camera_config_hash`),
  CONSTRAINT `recording_ibfk_1` FOREIGN KEY (`participant_id`, `session_date`)
    REFERENCES mocap_sessions.session (`participant_id`, `session_date`) ON UPDATE CASCADE,
  CONSTRAINT `recording_ibfk_2` FOREIGN KEY (`recording_timestamps`, `camera_config_hash`)
    REFERENCES multicamera_tracking.multi_camera_recording (`recording_timestamps`, `camera_config_hash`) ON UPDATE CASCADE
) ENGINE=InnoDB;

CREATE USER reader@'%' IDENTIFIED BY 'pw-of-reader';
GRANT SELECT ON mocap_sessions.* TO reader@'%';
GRANT SELECT ON multicamera_tracking.* TO reader@'%';
GRANT SELECT ON `{pose}`.* TO reader@'%';
