"""Databases that the tests of SQL share, and an engine over them."""

from __future__ import annotations

from datetime import datetime

from leap_intercode.sql.dump import parse_dump
from leap_intercode.sql.mysql.engine import Engine

NOW = datetime(2023, 6, 1, 12, 0, 0)
DUMP = """\
CREATE DATABASE `shop`;
USE `shop`;
CREATE TABLE `shop` (
  `id` int NOT NULL AUTO_INCREMENT,
  `Name` varchar(20) DEFAULT 'none',
  `price` double DEFAULT NULL,
  `size` text,
  `paid` decimal(8,2) DEFAULT NULL,
  `day` date DEFAULT NULL,
  `seen` datetime DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `by_name` (`Name`)
) ENGINE=InnoDB;
INSERT INTO `shop` VALUES
(3,'B''s',NULL,'x\\ny',NULL,NULL,NULL),
(1,'Zoë ',2.5,'10',1.50,'2020-01-31','2020-01-31 10:00:00'),
(2,'zoe',-1,'9',2.25,'2020-02-29','2020-02-29 00:00:00');
CREATE TABLE `Sale` (
  `sale_id` int NOT NULL,
  `shop_id` int DEFAULT NULL,
  `kind` char(3) DEFAULT NULL,
  `amount` float(5,1) DEFAULT NULL,
  PRIMARY KEY (`sale_id`),
  KEY `of_shop` (`shop_id`),
  CONSTRAINT `of_shop` FOREIGN KEY (`shop_id`) REFERENCES `shop` (`id`)
) ENGINE=InnoDB;
INSERT INTO `Sale` VALUES (1,3,'a',0.1),(2,1,'b',0.2),(3,1,'A',0.3),(4,NULL,NULL,81.6);
CREATE DATABASE `other`;
USE `other`;
CREATE TABLE `thing` (
  `id` int NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;
INSERT INTO `thing` VALUES (7);
"""


def engine() -> Engine:
    """Return an engine over the databases above."""
    return Engine(parse_dump(DUMP), NOW)
